"""Models on the Hugging Face Hub: what they are called, fetching them, publishing them."""
