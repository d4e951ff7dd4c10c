"""Kubernetes quantities, bit for bit as the API machinery reads and prints them (contract 2.2): the HPA works on whole
thousandths in 64 bits, and what it decides hangs on how a text or a float becomes one."""

import math
import re
from typing import NamedTuple

MAX64 = 2**63 - 1

_TEXT = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]?))", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_WRAPPING = frozenset((0, 1, 2, 3, 6, 9))
_LARGEST_EXPONENT = 300
_LONGEST = 1000
"""Characters: arithmetic on what is longer takes long, and nobody writes it."""

_MOST = MAX64 // 1000


class _Amount(NamedTuple):
    """`mantissa * 10**exponent`. `decimal` tells Kubernetes' two representations apart: they round differently."""

    mantissa: int
    exponent: int
    decimal: bool = False


def parse(text: str) -> float:
    """A quantity as the float that Kubernetes sees in it (`AsApproximateFloat64` of the canonical form, which a
    tolerance is compared by: `9m` is 0.009000000000000001). Raises `ValueError`."""
    mantissa, exponent = _canonical(*_amount(text)[:2])
    return _float(mantissa) * 10.0**exponent if exponent >= 0 else _float(mantissa) * (1.0 / 10.0**-exponent)


def milli(text: str) -> int:
    """A quantity in thousandths (`MilliValue`): rounded away from zero, wrapped at 64 bits. Raises `ValueError`."""
    amount = _amount(text)
    if amount.decimal:
        quotient, remainder = divmod(abs(amount.mantissa), 10 ** (-3 - amount.exponent))
        return _wrapped((quotient if amount.mantissa >= 0 else -quotient) + bool(remainder))
    return _multiplied(amount.mantissa, amount.exponent + 3)


def render_milli(value: int) -> str:
    """Thousandths as Kubernetes prints them: 8600 is `8600m`, 9000 is `9`, 1000000 is `1k`."""
    mantissa, exponent = _canonical(value, -3)
    return f"{mantissa}{_SUFFIX[exponent]}"


def milli_of(value: float) -> int:
    """A measured number in thousandths as KEDA publishes it: truncated; not a number, infinite or negative is 0; never
    so large that the HPA would see it wrap around."""
    if not 0.0 < value < math.inf:
        return 0
    return int(value * 1000) if value < _MOST else _MOST * 1000


def _float(whole: int) -> float:
    """What is too large for one is infinite."""
    try:
        return float(whole)
    except OverflowError:
        return math.inf if whole > 0 else -math.inf


def _amount(text: str) -> _Amount:
    found = _TEXT.fullmatch(text) if len(text) <= _LONGEST else None
    if not found or not (found[2] or found[3]):
        raise ValueError(f"{text[:_LONGEST]!r} is not a quantity such as 500m, 1.5 or 2Gi")
    sign = -1 if found[1] == "-" else 1
    whole, part, suffix = found[2].lstrip("0") or "0", found[3] or "", found[5] or ""
    exponent = int(found[4][1:]) if found[4] else _DECIMAL.get(suffix, 0)
    if abs(exponent) > _LARGEST_EXPONENT:
        raise ValueError(f"{text!r} is out of range")
    if suffix in _BINARY:
        return _binary(sign, whole, part, _BINARY[suffix])
    exponent -= len(part)
    if len(whole + part) <= 18 and exponent >= -9:
        return _Amount(sign * int(whole + part), exponent)
    return _nano(sign, int(whole + part), exponent)


def _binary(sign: int, whole: str, part: str, power: int) -> _Amount:
    """Few digits stay whole numbers; the others are capped at what 64 bits hold."""
    if not part and 15 - len(whole) - power * 3 // 10 - 1 >= 0:
        return _Amount(sign * (int(whole) << power), 0)
    amount = _nano(1, int(whole + part) << power, -len(part))
    return _Amount(sign * min(amount.mantissa, MAX64 * 10**9), -9, decimal=True)


def _nano(sign: int, digits: int, exponent: int) -> _Amount:
    """Rounded away from zero to nine decimals."""
    shift = exponent + 9
    scaled = digits * 10**shift if shift >= 0 else -(-digits // 10**-shift)
    return _Amount(sign * scaled, -9, decimal=True)


def _canonical(mantissa: int, exponent: int) -> tuple[int, int]:
    """As printed: the exponent is the largest multiple of three that leaves the mantissa whole."""
    if not mantissa:
        return 0, 0
    while mantissa % 10 == 0 and exponent < 18:
        mantissa, exponent = mantissa // 10, exponent + 1
    while exponent % 3:
        mantissa, exponent = mantissa * 10, exponent - 1
    return mantissa, exponent


def _multiplied(mantissa: int, power: int) -> int:
    """`mantissa * 10**power` with Go's overflow: the fast powers wrap around, the others give 0."""
    if power < 0:
        rounded: int = -(-abs(mantissa) // 10**-power)
        return rounded if mantissa >= 0 else -rounded
    if power not in _WRAPPING and not -MAX64 <= mantissa * 10**power <= MAX64:
        return 0
    return _wrapped(mantissa * 10**power)


def _wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63
