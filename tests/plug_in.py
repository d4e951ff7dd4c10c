"""Other people's packages: what `pip install` leaves behind, in a folder that is put onto `sys.path`."""

from collections.abc import Mapping
from pathlib import Path

SCALER = '''"""My queues: how many messages wait in one of them."""

from scaler.sdk import AnswerError, Example, Get, Http, Reply, Scaler, activation, basic, param, secret, target


class MyQueue(Scaler[Get, Reply]):
    """A queue of mine."""

    url: str = param("URL of the server.")
    queue_length: float = target("Messages one replica should handle.", default=5)
    activation_queue_length: float = activation()
    mode: str = param("What to count.", default="all", choices=("all", "ready"))
    password: str = secret("The password.")

    example = Example(
        metadata={"url": "http://queue.test"},
        auth={"password": "hush-3f1c"},
        answer={"messages": 12},
        value=12,
    )

    def source(self) -> Http:
        return Http(self.url, basic("me", self.password))

    def ask(self) -> Get:
        return Get("/queue")

    def read(self, answer: Reply) -> float:
        match answer.json():
            case {"messages": int(messages)}:
                return messages
        raise AnswerError("the answer has no number of messages")
'''


def install(folder: Path, name: str, entry_points: Mapping[str, str], modules: Mapping[str, str]) -> None:
    """A distribution with these modules, and these trigger types as its entry points."""
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{type_} = {module}\n" for type_, module in entry_points.items()]
    (about / "entry_points.txt").write_text("[scaler.triggers]\n" + "".join(lines))
