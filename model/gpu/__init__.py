"""The decoder on a card: fused experts, int4 in the layout of torch's own kernel, CUDA graphs."""
