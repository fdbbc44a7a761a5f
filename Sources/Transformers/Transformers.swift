// The Transformers module.
