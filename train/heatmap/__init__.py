"""Networks that find landmarks by heat maps, and how they are trained."""
