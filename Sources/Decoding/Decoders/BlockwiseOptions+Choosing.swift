extension BlockwiseOptions {
    /// How tokens are chosen from a row of logits.
    var choice: TokenChoice {
        if case .entropyBelow = rule { return TokenChoice(.softmax, temperature: temperature, topK: topK) }
        return TokenChoice(.gumbel, temperature: temperature, topK: topK)
    }

    /// The same in Fast-dLLM's version for Dream.
    var dreamChoice: TokenChoice {
        if case .entropyBelow = rule { return choice }
        return TokenChoice(.tempered, temperature: temperature, topK: topK)
    }

    /// The accepted ones of a forward's predictions.
    ///
    /// - Parameters:
    ///   - scheduled: how many the plan allows.
    ///   - draws: the forward's random numbers.
    func select(_ predictions: [Prediction], scheduled: Int, draws: SamplingStep) -> [Prediction] {
        guard remasking == .random else { return rule.select(predictions, scheduled: scheduled) }
        let places = predictions.map { (draws.uniform("remasking", at: $0.position), $0) }
        return places.sorted { $0.0 < $1.0 }.prefix(max(1, scheduled)).map(\.1)
    }
}
