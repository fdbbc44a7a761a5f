// The Parity module.
