"""The frequency-domain family: input stage × recurrent core × head on blocks of the spectrum (Nayebi & Vitelli 2015,
Kalingeri & Grandhe 2016)."""
