"""The one exception a user is meant to read (DESIGN §7)."""


class UserError(Exception):
    """Something the user can put right: one line that says what is wrong and what to do.

    Rooms raise it; the command line prints it and exits with code 2, without a traceback.
    """
