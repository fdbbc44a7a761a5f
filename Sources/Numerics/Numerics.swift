// The Numerics module.
