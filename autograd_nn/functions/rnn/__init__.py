"""Steps of recurrent networks, and whole sequences of them."""
