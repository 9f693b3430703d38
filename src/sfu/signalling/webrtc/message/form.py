"""What all messages have in common."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Frozen; unknown fields are ignored, known ones are not coerced."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
