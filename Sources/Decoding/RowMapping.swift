/// Which rows of a forward's logits answer its candidates.
///
/// Without shift, position p is predicted by its own row. With shift (Dream, autoregressive models) it is
/// predicted by row p − 1; position 0 keeps its own row.
struct RowMapping: Sendable, Hashable {
    /// Where a candidate's logits come from.
    enum Source: Sendable, Hashable {
        /// The n-th of ``rows``.
        case row(Int)
        /// The row of this absolute position, kept from an earlier forward.
        case kept(Int)
    }

    /// Indices into the inputs whose logits are needed, ascending.
    let rows: [Int]
    /// One source per candidate.
    let sources: [Source]
    /// Absolute positions whose rows are to be kept, with their place in ``rows``.
    let toKeep: [(position: Int, row: Int)]

    /// - Parameters:
    ///   - shift: whether the logits are shifted by one.
    ///   - isKept: whether an earlier forward's row of an absolute position is at hand.
    init(_ request: ForwardRequest, shift: Bool, isKept: (Int) -> Bool) {
        let start = request.inputs.lowerBound
        let shift = shift || request.predictsNext
        let indices = request.candidates.map { position -> Int? in
            guard shift, position > 0 else { return position - start }
            if position > start { return position - 1 - start }
            // Without a kept row there is no better one than the first of this forward.
            return request.boundaryRow == .kept && isKept(position - 1) ? nil : 0
        }
        let kept =
            shift && request.boundaryRow == .kept
            ? request.boundaries.map { $0 - 1 }.filter(request.inputs.contains) : []
        rows = Set(indices.compactMap(\.self) + kept.map { $0 - start }).sorted()
        let place = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
        sources = zip(request.candidates, indices).map { position, index in
            index.flatMap { place[$0] }.map { .row($0) } ?? .kept(position - 1)
        }
        toKeep = kept.compactMap { position in place[position - start].map { (position, $0) } }
    }

    static func == (a: RowMapping, b: RowMapping) -> Bool {
        a.rows == b.rows && a.sources == b.sources
            && a.toKeep.map(\.position) == b.toKeep.map(\.position)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(rows)
        hasher.combine(sources)
    }
}
