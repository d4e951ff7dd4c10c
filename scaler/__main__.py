"""`python -m scaler` and the command `scaler`."""

from scaler.cli import app


def main() -> None:
    app(prog_name="scaler")


if __name__ == "__main__":
    main()
