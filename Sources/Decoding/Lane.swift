internal import Transformers

/// One sequence of a batch: its decoder, its cache and the rows kept for it.
struct Lane {
    private(set) var decoder: any Decoder
    private(set) var hasPending = false
    private var cache: KeyValueCache?
    private var keptRows: [Int: [Float]] = [:]

    init(_ decoder: any Decoder) { self.decoder = decoder }

    /// The next forward of this sequence, with its cache prepared; nil at the end.
    mutating func nextTurn(
        _ configuration: TransformerConfiguration
    ) -> (ForwardRequest, RowMapping, ForwardInput)? {
        guard let request = decoder.nextRequest() else {
            hasPending = false
            cache = nil
            return nil
        }
        hasPending = true
        let mapping = RowMapping(request, shift: configuration.logitShift) { keptRows[$0] != nil }
        let (usedCache, update) = prepareCache(request.cache, configuration)
        let input = ForwardInput(
            tokens: Array(decoder.tokens[request.inputs]), firstPosition: request.rotaryStart,
            attention: request.attention, cache: usedCache, cacheUpdate: update, logitRows: mapping.rows)
        return (request, mapping, input)
    }

    mutating func accept(_ predictions: [Prediction]) -> StepRecord { decoder.accept(predictions) }

    /// Keeps a copy of one row of logits (V).
    mutating func keep(_ position: Int, _ row: UnsafeBufferPointer<Float>) {
        keptRows[position] = Array(row)
    }

    func keptRow(_ position: Int) -> [Float] {
        guard let row = keptRows[position] else { preconditionFailure("no row is kept for \(position)") }
        return row
    }

    private mutating func prepareCache(
        _ action: ForwardRequest.CacheAction, _ configuration: TransformerConfiguration
    ) -> (KeyValueCache?, CacheUpdate) {
        if action == .ignore { return (nil, .none) }
        let used = cache ?? KeyValueCache(configuration, capacity: decoder.maximumLength)
        cache = used
        switch action {
        case .ignore, .read: return (used, .none)
        case .append(let count): return (used, .append(count))
        case .rebuild(let count):
            used.truncate(to: 0)
            return (used, .append(count))
        case .overwrite(let start): return (used, .overwrite(at: start))
        }
    }
}
