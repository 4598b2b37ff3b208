"""Why a secret that a person gave cannot be used."""

from typing import Literal

from domain.values import Value


class Complaint(Value):
    """Why a value cannot be used. It never quotes the value."""

    kind: Literal["shape", "stand_in", "refused", "former"]
    """It looks otherwise, it stands where the value should be, the service that it is for does not take it,
    or Slipway made it for an addon that is asked for no more."""
    what: str
    """What it should be, like `Stripe key`; empty where only the name says it."""
    like: str = ""
    """How such a thing looks."""

    def sentence(self, name: str) -> str:
        """Say it of the secret `name`."""
        match self.kind:
            case "refused":
                return f"{name} was refused: it is no valid {self.what}"
            case "stand_in":
                return f"{name} is not the value itself, but what stands in its place or beside it"
            case "former":
                return f"{name} is the address of a database that app.json asks for no more"
            case "shape":
                return f"{name} is no {self.what}: those look like {self.like}"
