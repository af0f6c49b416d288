"""The errors of the house: each says what is wrong in a sentence and carries a slug that never changes.

`Rejected` and its kinds mean that the caller must send something else: the same input fails again.
`Conflict` means that the same input succeeds when tried again at once on fresh state.
`Early` means that something this input follows has not arrived yet.
`Unavailable` means that a part of the house cannot be reached: the same input succeeds later.
"""

from __future__ import annotations

EXIT_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h: a process that ends with it would fail the same way if it was started again."""


class DeskwireError(Exception):
    """Any error that the house raises on purpose.

    `slug` is stable and bounded (it is a metric label and an API field); `message` is for people;
    `pointer` is the JSON pointer (RFC 6901) of the field at fault, where there is one.
    """

    slug = "internal-error"

    def __init__(self, message: str, *, slug: str | None = None, pointer: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer
        if slug is not None:
            self.slug = slug

    def as_dict(self) -> dict[str, str]:
        """The shape in which an error leaves the house: `{slug, message, pointer?}`."""
        body = {"slug": self.slug, "message": self.message}
        return body if self.pointer is None else {**body, "pointer": self.pointer}


class Rejected(DeskwireError):
    """The caller is wrong; trying the same again fails again."""

    slug = "rejected"


class Invalid(Rejected):
    """A field breaks a rule; `pointer` names the field, `message` the rule."""

    slug = "invalid"


class NotFound(Rejected):
    """There is no such record, or the actor may not know that there is."""

    slug = "not-found"


class Forbidden(Rejected):
    """The actor may see this but not do it."""

    slug = "forbidden"


class NotAllowed(Rejected):
    """The record's state does not allow this action."""

    slug = "not-allowed-in-this-state"


class VersionMismatch(Rejected):
    """The caller's `expected_version` is not the record's version."""

    slug = "version-mismatch"


class Unstorable(Rejected):
    """The database cannot keep what this would write, such as an integer of more than 64 bits."""

    slug = "cannot-be-stored"


class TooLarge(Unstorable):
    """It would write more in one transaction than the database takes, and cannot be done in parts."""

    slug = "too-large-to-store"


class Conflict(DeskwireError):
    """Another writer was first; the same block succeeds on fresh state."""

    slug = "conflict"


class Crowded(Conflict):
    """The transactions of this moment are together too much for the database; a smaller one may pass."""

    slug = "crowded"


class Early(DeskwireError):
    """What this input follows has not arrived yet."""

    slug = "early"


class Unavailable(DeskwireError):
    """A part of the house cannot be reached now."""

    slug = "unavailable"
