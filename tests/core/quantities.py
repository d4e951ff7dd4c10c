"""Texts that are quantities, nearly are, or want to be too much for who reads them: for the suite and for
`python -m tests.fuzz`; and what holds of each."""

import math

from hypothesis import strategies as st

from scaler.core.quantity import milli, parse, render_milli

_SUFFIXES = [
    "",
    "n",
    "u",
    "m",
    "k",
    "M",
    "G",
    "T",
    "P",
    "E",
    "Ki",
    "Mi",
    "Gi",
    "Ti",
    "Pi",
    "Ei",
    "e3",
    "E-9",
    "e400",
    "x",
]

texts = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="0123456789+-.eEinumkKMGTP \n\u0661\u00b5", max_size=12),
    st.builds(
        lambda sign, whole, part, suffix: f"{sign}{whole}{part}{suffix}",
        st.sampled_from(["", "+", "-", "--"]),
        st.one_of(st.integers(0, 10**40).map(str), st.sampled_from(["", "0" * 50, "9" * 400, "9" * 5_000])),
        st.one_of(st.just(""), st.integers(0, 10**30).map(lambda part: f".{part}"), st.just("." + "0" * 4_000 + "1")),
        st.sampled_from(_SUFFIXES),
    ),
    st.integers(-(10**400), 10**400).map(lambda exponent: f"1e{exponent}"),
)


def holds(text: str) -> None:
    """It is a number in both forms, or in neither, and nothing but `ValueError` says so."""
    try:
        number = parse(text)
    except ValueError:
        number = math.nan
    try:
        thousandths: int | None = milli(text)
    except ValueError:
        thousandths = None
    assert math.isnan(number) == (thousandths is None)
    if thousandths is not None:
        assert -(2**63) <= thousandths < 2**63
        assert milli(render_milli(thousandths)) == thousandths
