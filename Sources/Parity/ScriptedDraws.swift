internal import Documents
internal import JSON
internal import Training

/// Draws that upstream's run made, in its order.
struct ScriptedDraws: DrawSource {
    private var integers: [(low: Int, high: Int, value: Int)]
    private var uniforms: [[Double]]
    /// Whether a draw was asked for that upstream didn't make.
    private(set) var mismatch: String?

    init(_ node: CaseNode) throws {
        integers = try (node["randint_calls"] == nil ? [] : node.rows("randint_calls")).map { call in
            guard call.count == 3 else { throw node.problem("a drawn integer needs low, high and value") }
            return (Int(call[0]), Int(call[1]), Int(call[2]))
        }
        uniforms = try node.elements("rand_values").map(\.node.flatNumbers)
    }

    mutating func integer(_ low: Int, _ high: Int) -> Int {
        guard !integers.isEmpty else {
            mismatch = mismatch ?? "a window was drawn from \(low)...\(high) where upstream drew none"
            return low
        }
        let call = integers.removeFirst()
        if call.low != low || call.high != high {
            mismatch =
                mismatch
                ?? "a window was drawn from \(low)...\(high), upstream from \(call.low)...\(call.high)"
        }
        return call.value
    }

    mutating func uniform(_ count: Int) -> [Double] {
        guard let values = uniforms.first, values.count == count else {
            mismatch =
                mismatch ?? "\(count) uniform numbers were drawn, upstream drew \(uniforms.first?.count ?? 0)"
            return Array(repeating: 0, count: count)
        }
        uniforms.removeFirst()
        return values
    }
}

extension JSONNode {
    /// All numbers of nested arrays, in order.
    fileprivate var flatNumbers: [Double] {
        array.map { $0.flatMap(\.flatNumbers) } ?? double.map { [$0] } ?? []
    }
}
