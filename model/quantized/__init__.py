"""Networks in 4 or 8 bits a weight: the grid, the folder, the layers that compute on it."""
