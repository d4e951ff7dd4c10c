import asyncio, time
from tests.e2e.kube_daemon import API_SERVICE, KubeDaemon
from tests.rig.control_plane import ControlPlane
async def test_dbg(control_plane: ControlPlane, served: KubeDaemon) -> None:
    t0=time.time()
    async with control_plane.client() as kube:
        last=None
        while time.time()-t0<25:
            a=await kube.get(API_SERVICE)
            c=[(x["status"],x["reason"],x["message"],x["lastTransitionTime"]) for x in a["status"]["conditions"]] , bool(a["spec"].get("caBundle"))
            if c!=last: print(time.time()-t0,c); last=c
            if c[0][0][0]=="True": break
            await asyncio.sleep(0.02)
    print(served.said())
    log=(control_plane.folder/"kube-apiserver.log").read_text().splitlines()
    print("\n".join(l[:400] for l in log if "external.metrics" in l or "remote_avail" in l)[-6000:])
    print("\n".join(l[:300] for l in log[-15:]))
