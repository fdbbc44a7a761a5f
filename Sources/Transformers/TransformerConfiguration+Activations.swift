extension TransformerConfiguration {
    /// Bytes that one token of a sequence of `tokens` keeps from the forward pass until its gradient is computed.
    public func activationBytes(tokens: Int) -> Int { layers * blockActivationBytes(tokens: tokens) }

    /// The same where a block's activations are computed again: each block's input, and one block's activations.
    public func recomputedActivationBytes(tokens: Int) -> Int {
        layers * 4 * width + blockActivationBytes(tokens: tokens)
    }

    /// Inputs, norms and results of the linear layers of one block, and the attention's weights of one row.
    private func blockActivationBytes(tokens: Int) -> Int {
        4 * (4 * width + 2 * queryWidth + 2 * keyValueWidth + 3 * feedForwardWidth + heads * tokens)
    }
}
