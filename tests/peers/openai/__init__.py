"""A local stand-in for OpenAI's images, moderations and models, for the unmodified openai SDK."""
