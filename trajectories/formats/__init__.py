"""Other people's files: recordings, trajectories and samples, read and written."""
