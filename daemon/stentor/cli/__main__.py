"""`python -m stentor.cli`, for where the console script is not on the path."""

from stentor.cli import main

if __name__ == "__main__":
    main()
