"""The outward faces over HTTP. They read the board and ask functions that they are handed; they decide, ask and write
nothing."""
