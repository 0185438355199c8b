"""What can be wrong with the bytes of an object."""


class MalformedError(ValueError):
    """The bytes are not an object of Kubernetes, or not one of the kind that they name. Never quotes them."""
