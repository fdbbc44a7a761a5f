extension TransformerConfiguration {
    /// The first option in which this differs from `other`, as "head width 10 (it would be read as 8)".
    func difference(from other: TransformerConfiguration) -> String? {
        guard self != other else { return nil }
        let options: [(name: String, own: String, other: String)] = [
            ("\(layers) layers", "\(layers)", "\(other.layers)"),
            ("width \(width)", "\(width)", "\(other.width)"),
            ("\(heads) heads", "\(heads)", "\(other.heads)"),
            ("\(keyValueHeads) key-value heads", "\(keyValueHeads)", "\(other.keyValueHeads)"),
            ("head width \(headWidth)", "\(headWidth)", "\(other.headWidth)"),
            ("feed-forward width \(feedForwardWidth)", "\(feedForwardWidth)", "\(other.feedForwardWidth)"),
            ("vocabulary \(vocabulary)", "\(vocabulary)", "\(other.vocabulary)"),
            ("epsilon \(normEpsilon)", "\(normEpsilon)", "\(other.normEpsilon)"),
            ("rotary base \(ropeTheta)", "\(ropeTheta)", "\(other.ropeTheta)"),
            ("rotary scaling \(ropeScaling)", "\(ropeScaling)", "\(other.ropeScaling)"),
            ("tied head \(tiedHead)", "\(tiedHead)", "\(other.tiedHead)"),
            (
                "query, key and value biases \(queryKeyValueBias)", "\(queryKeyValueBias)",
                "\(other.queryKeyValueBias)"
            ),
            ("query and key norms \(queryKeyNorm)", "\(queryKeyNorm)", "\(other.queryKeyNorm)"),
            ("attention \(attention)", "\(attention)", "\(other.attention)"),
            ("logit shift \(logitShift)", "\(logitShift)", "\(other.logitShift)"),
            ("positions \(maximumPositions)", "\(maximumPositions)", "\(other.maximumPositions)"),
        ]
        guard let first = options.first(where: { $0.own != $0.other }) else { return "its special tokens" }
        return "\(first.name) (it would be read as \(first.other))"
    }
}
