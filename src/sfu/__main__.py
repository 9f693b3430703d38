"""`python -m sfu` is the command line."""

from sfu.cli import main

main()
