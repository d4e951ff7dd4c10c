"""Every error that is raised on purpose, as one tree. The class says what to do, `str(error)` is one sentence for the
person who can mend it, and `reason` is the same word in conditions, metrics and logs.

    ScalerError
      ManifestError        what was written is wrong; only an edit helps
        GivenError         or what it refers to holds a wrong value: another one there helps as well
      CredentialError      a reference cannot be resolved; asked again, slowly
      SourceError          a source did not answer; the next round tries again
        SourceBusy           it asked for patience (retry_after)
        LoginError           it refused our login; other credentials may help
        AnswerError          it answered, but not with what was asked for
      ClusterError         the cluster refused or could not be reached
        NotFound  Conflict  Forbidden  Invalid  Expired  Terminating  NotLeading
        Busy                 it asked for patience (retry_after)
      SettingsError        the daemon's own settings are wrong

Messages never quote third-party exceptions: those carry URLs and query strings, and thus credentials. Anything else
that is raised anywhere is a bug, and is treated as one (`loop.serve`, the keeper).
"""

from collections.abc import Mapping


class ScalerError(Exception):
    """The root. `retriable` says whether the same call may succeed later without anybody's edit."""

    retriable: bool = False
    reason: str = "Error"


class ManifestError(ScalerError):
    """A manifest that cannot work. `problems` maps paths (`spec.triggers[0].metadata.lagThreshold`) to sentences."""

    reason = "ManifestError"

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{path}: {problem}" for path, problem in self.problems.items()))


class GivenError(ManifestError):
    """A manifest that is right by itself, and was given by a reference of its own what cannot work."""

    reason = "GivenError"
    retriable = True


class SettingsError(ManifestError):
    """The daemon's own settings cannot work; the problems are keyed by the setting's name."""

    reason = "SettingsError"


class CredentialError(ScalerError):
    """A reference to a Secret, ConfigMap, variable or file cannot be resolved."""

    retriable = True
    reason = "CredentialError"


class SourceError(ScalerError):
    """A source did not answer. `at` is when the attempt failed (seconds since the epoch), set by the keeper: everybody
    who hears of the same failed attempt hears the same `at`, so that it counts once."""

    retriable = True
    reason = "SourceError"

    def __init__(self, sentence: str, *, at: float = 0.0) -> None:
        super().__init__(sentence)
        self.at = at


class InternalError(SourceError):
    """What a source or scaler raised without meaning to: a bug, kept to the one question it belongs to."""

    reason = "InternalError"


class SourceBusy(SourceError):
    """The source asked not to be asked for `retry_after` seconds."""

    reason = "SourceBusy"

    def __init__(self, sentence: str, *, retry_after: float, at: float = 0.0) -> None:
        super().__init__(sentence, at=at)
        self.retry_after = retry_after


class LoginError(SourceError):
    """The source does not accept what it was shown of us. Where that was read from may hold something newer by now."""

    reason = "LoginError"


class AnswerError(SourceError):
    """The source answered, but the answer does not hold what was asked for."""

    reason = "AnswerError"


class ClusterError(ScalerError):
    """The cluster (or the folder that stands for one) refused, or could not be reached."""

    retriable = True
    reason = "ClusterError"


class NotFound(ClusterError):
    """The object does not exist."""

    reason = "NotFound"


class Conflict(ClusterError):
    """Somebody else changed the object in between: observe again, decide again."""

    reason = "Conflict"


class Forbidden(ClusterError):
    """Not allowed; only a change of permissions helps."""

    retriable = False
    reason = "Forbidden"


class Invalid(ClusterError):
    """The API server refuses what was sent: it is not what the kind allows, or a precondition in it does not hold."""

    retriable = False
    reason = "Invalid"


class Expired(ClusterError):
    """What a watch was to go on from is no longer there: list again."""

    reason = "Expired"


class Busy(ClusterError):
    """The API server cannot now; `retry_after` are the seconds it asks for, 0 where it asks for nothing."""

    reason = "Busy"

    def __init__(self, sentence: str, *, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Terminating(ClusterError):
    """The namespace is being deleted: nothing can be made in it any more, and what is in it goes by itself."""

    retriable = False
    reason = "Terminating"


class NotLeading(ClusterError):
    """This daemon does not lead (any more): nothing may be written."""

    reason = "NotLeading"
