"""What comes next of our certificates, by what is held and the time alone. A new authority is published beside the
former one first, signs when everybody has had time to hear of it, and stands alone when what it signed has been served
for as long: at no time does anybody meet a certificate that he does not trust yet, or no longer."""

from collections.abc import Collection
from dataclasses import dataclass

from scaler.kubernetes.reach.authority import (
    Pair,
    certificate_of,
    end_of,
    fits,
    is_old,
    made_at,
    names_in,
    new_authority,
    new_serving,
    signed_by,
)

SETTLES = 600.0
"""Seconds until everybody who asks us has taken note of a new authority, or of a new certificate."""


NOTHING = Pair()


@dataclass(frozen=True, slots=True)
class Holding:
    """All there is; `former` are authorities that still have to be trusted, in PEM."""

    authority: Pair = NOTHING
    serving: Pair = NOTHING
    former: str = ""

    @property
    def bundle(self) -> str:
        """Whom others have to trust."""
        return _together(self.authority.certificate, self.former)


def usable(pair: Pair, now: float) -> bool:
    certificate = certificate_of(pair.certificate)
    return certificate is not None and fits(pair) and now < end_of(certificate)


def due(holding: Holding, names: Collection[str], now: float) -> bool:
    """Whether the serving certificate has to be made anew: too little of its life is left, a name is missing in it, or
    another authority signs now."""
    certificate = certificate_of(holding.serving.certificate)
    if certificate is None or not usable(holding.serving, now):
        return True
    return is_old(certificate, now) or not set(names) <= names_in(certificate) or not _signed(holding)


def renewed(holding: Holding, names: Collection[str], now: float) -> Holding:
    """What is to be held from now on: the same, or the next step."""
    following = _with_authority(holding, now)
    serving = following.serving
    if not usable(serving, now) or (_known(following, now) and due(following, names, now)):
        serving = new_serving(following.authority, names, now)
        return Holding(following.authority, serving, following.former)
    if following.former and _signed(following) and _settled(serving, now):
        return Holding(following.authority, serving)
    return following


def _with_authority(holding: Holding, now: float) -> Holding:
    """One that can sign, and will for long. It is replaced for its age only when nothing else is under way."""
    authority = certificate_of(holding.authority.certificate)
    if authority and usable(holding.authority, now) and (holding.former or not is_old(authority, now)):
        return holding
    former = _together(holding.authority.certificate if authority else "", holding.former)
    return Holding(new_authority(now), holding.serving, former)


def _known(holding: Holding, now: float) -> bool:
    """Whether the authority may sign: nobody trusts another yet, or everybody trusts it by now."""
    return not holding.former or _signed(holding) or _settled(holding.authority, now)


def _settled(pair: Pair, now: float) -> bool:
    certificate = certificate_of(pair.certificate)
    return certificate is not None and now >= made_at(certificate) + SETTLES


def _signed(holding: Holding) -> bool:
    """Whether the authority signed what is served."""
    authority = certificate_of(holding.authority.certificate)
    serving = certificate_of(holding.serving.certificate)
    return authority is not None and serving is not None and signed_by(serving, authority)


def _together(*texts: str) -> str:
    return "".join(f"{text.strip()}\n" for text in texts if text.strip())
