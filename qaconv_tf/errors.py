"""The one exception that means: the user can mend this."""


class UserError(ValueError):
    """An error of the user's making: a file, a folder, a flag or a value.

    The message is one line: what was expected, what was received, how to mend it. The commands print it without a
    traceback and end with exit status 2. Errors of the programmer (shapes of layers, wrong types) stay plain
    `ValueError` or `TypeError`.

    Example:
        >>> from qaconv_tf.errors import UserError
        >>> raise UserError("Expected a folder. Received: data_dir='x'. Pass --data_dir=FOLDER")
        Traceback (most recent call last):
        ...
        qaconv_tf.errors.UserError: Expected a folder. Received: data_dir='x'. Pass --data_dir=FOLDER
    """
