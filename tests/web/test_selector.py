"""Label selectors as Kubernetes writes and reads them."""

import pytest

from scaler.web.selector import Requirement, equal_to, parse

LABEL = "scaledobject.keda.sh/name"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("  ", ()),
        (f"{LABEL}=orders", (Requirement(LABEL, "=", ("orders",)),)),
        ("a==b", (Requirement("a", "=", ("b",)),)),
        ("a=", (Requirement("a", "=", ("",)),)),
        ("a!=b , c = d", (Requirement("a", "!=", ("b",)), Requirement("c", "=", ("d",)))),
        ("a in (y, x,y)", (Requirement("a", "in", ("x", "y")),)),
        ("a in(x)", (Requirement("a", "in", ("x",)),)),
        ("a in (,)", (Requirement("a", "in", ("",)),)),
        ("a notin (x),b", (Requirement("a", "notin", ("x",)), Requirement("b", "exists"))),
        ("!a,! b", (Requirement("a", "!"), Requirement("b", "!"))),
        ("a>5,b < 7", (Requirement("a", ">", ("5",)), Requirement("b", "<", ("7",)))),
        ("in in (notin)", (Requirement("in", "in", ("notin",)),)),
        ("a=in", (Requirement("a", "=", ("in",)),)),
        ("a.b/c_d=E-f.1", (Requirement("a.b/c_d", "=", ("E-f.1",)),)),
    ],
)
def test_what_is_read(text: str, expected: tuple[Requirement, ...]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "a,",
        ",a",
        "a=b,,c=d",
        "=b",
        "a=b c",
        "a b",
        "a===b",
        "a=b=c",
        "a in",
        "a in ()",
        "a in (b",
        "a in b",
        "a in (b c)",
        "!a=b",
        "!",
        "a>b",
        "a>",
        "a=-b",
        "a=b-",
        "a=" + "b" * 64,
        "a" * 64,
        "-a=b",
        "/a=b",
        "a/=b",
        "A.b/c=d",
        "a/b/c=d",
        "(a)",
        "a=(b)",
        "a={b}",
        "ä=b",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a label selector "):
        parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{LABEL}=orders", "orders"),
        (f"other=x,{LABEL}==orders,more", "orders"),
        (f"{LABEL} in (orders)", "orders"),
        (f"{LABEL} in (orders,other)", ""),
        (f"{LABEL}!=orders", ""),
        (f"{LABEL} notin (orders)", ""),
        (f"{LABEL}=", ""),
        (LABEL, ""),
        ("name=orders", ""),
        ("", ""),
    ],
)
def test_what_a_label_must_be(text: str, expected: str) -> None:
    assert equal_to(parse(text), LABEL) == expected
