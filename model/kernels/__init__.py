"""What multiplies with weights on a grid: in torch, and in C++ where there is a compiler."""
