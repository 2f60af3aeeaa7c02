"""What goes wrong, as exceptions."""


class Error(Exception):
    """Why pfp could not do its work: the message of the compiler, and what to do.

    ``message`` says what is wrong, with the place in the module where there is one; ``help`` says what to
    do, or is None.
    """

    def __init__(self, message, help=None):
        super().__init__(message, help)
        self.message = message
        self.help = help

    def __str__(self):
        return self.message if self.help is None else f"{self.message}\n  help: {self.help}"


class MissingOutput(Error, AttributeError, KeyError):
    """A function was compiled without the output that was asked for."""
