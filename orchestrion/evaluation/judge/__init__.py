"""Does the audio follow its score? A transcriber that has not seen the score, and what is measured with it."""
