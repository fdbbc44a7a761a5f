import Numerics
import Transformers

/// The model and its loss in plain loops and double precision, written from the formulas alone.
///
/// Slow and obvious: what the fast forward pass is compared with, and what finite differences are taken of.
struct ReferenceModel {
    let configuration: TransformerConfiguration
    /// All parameters, in order of layout.
    var parameters: [Double]
    private let offsets: [ParameterRole: (offset: Int, columns: Int)]

    init(_ flat: FlatParameters) {
        configuration = flat.configuration
        parameters = (0..<flat.buffer.count).map { Double(flat.buffer.pointer[$0]) }
        offsets = Dictionary(
            uniqueKeysWithValues: flat.specifications.map {
                ($0.specification.role, ($0.offset, $0.specification.columns))
            })
    }

    private func row(_ role: ParameterRole, _ index: Int = 0) -> ArraySlice<Double> {
        guard let (offset, columns) = offsets[role] else { return [] }
        return parameters[offset + index * columns..<offset + (index + 1) * columns]
    }

    private func has(_ role: ParameterRole) -> Bool { offsets[role] != nil }

    private func dot(_ a: ArraySlice<Double>, _ b: [Double]) -> Double {
        var sum = 0.0
        for (x, y) in zip(a, b) { sum += x * y }
        return sum
    }

    /// weight · x (+ bias).
    private func linear(_ x: [Double], _ weight: ParameterRole, outputs: Int, bias: ParameterRole? = nil)
        -> [Double]
    {
        let shift = bias.flatMap { has($0) ? Array(row($0)) : nil }
        return (0..<outputs).map { dot(row(weight, $0), x) + (shift?[$0] ?? 0) }
    }

    private func normed(_ x: [Double], _ weight: ParameterRole) -> [Double] {
        let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
        let scale = 1 / (mean + Double(configuration.normEpsilon)).squareRoot()
        return zip(x, row(weight)).map { $0 * scale * $1 }
    }

    /// Each head normed by itself, where the model has a weight for it.
    private func headsNormed(_ x: [Double], _ weight: ParameterRole) -> [Double] {
        guard has(weight) else { return x }
        return stride(from: 0, to: x.count, by: configuration.headWidth).flatMap {
            normed(Array(x[$0..<$0 + configuration.headWidth]), weight)
        }
    }

    /// Rotates each head's pairs (i, i + K/2) by `position` times the pair's frequency.
    private func rotated(_ x: [Double], position: Int) -> [Double] {
        let k = configuration.headWidth
        var y = x
        for start in stride(from: 0, to: x.count, by: k) {
            for i in 0..<k / 2 {
                let frequency = scaled(1 / Elementary.pow(configuration.ropeTheta, Double(2 * i) / Double(k)))
                let angle = Double(position) * frequency
                let (c, s) = (Double(Elementary.cos(Float(angle))), Double(Elementary.sin(Float(angle))))
                y[start + i] = x[start + i] * c - x[start + i + k / 2] * s
                y[start + i + k / 2] = x[start + i + k / 2] * c + x[start + i] * s
            }
        }
        return y
    }

    /// A rotary frequency as the model's scaling has it: by how often it turns in the positions of the first training.
    private func scaled(_ frequency: Double) -> Double {
        switch configuration.ropeScaling {
        case .unscaled: return frequency
        case .linear(let factor): return frequency / factor
        case .llama3(let factor, let low, let high, let originalPositions):
            let turns = Double(originalPositions) * frequency / (2 * Double.pi)
            let kept = min(max((turns - low) / (high - low), 0), 1)
            return kept * frequency + (1 - kept) * frequency / factor
        }
    }

    private static func softmax(_ x: [Double]) -> [Double] {
        let top = x.max() ?? 0
        let e = x.map { Elementary.exp($0 - top) }
        let sum = e.reduce(0, +)
        return e.map { $0 / sum }
    }

    /// Whether the query at `position` may see the key at `other`.
    private func sees(_ position: Int, _ other: Int, _ pattern: AttentionPattern) -> Bool {
        switch pattern {
        case .bidirectional: return true
        case .causal: return other <= position
        case .blockCausal(let prompt, let block):
            func number(_ p: Int) -> Int { p < prompt ? -1 : (p - prompt) / block }
            return number(other) <= number(position)
        }
    }

    /// Logits of every token of one sequence.
    func logits(_ input: ForwardInput) -> [[Double]] {
        let c = configuration
        let positions = input.tokens.indices.map { input.firstPosition + $0 }
        var x = input.tokens.map { Array(row(.embedding, Int($0))) }
        for l in 0..<c.layers {
            let n = x.map { normed($0, .block(l, .attentionNorm)) }
            let q = zip(n, positions).map {
                let q = linear($0, .block(l, .query), outputs: c.queryWidth, bias: .block(l, .queryBias))
                return rotated(headsNormed(q, .block(l, .queryNorm)), position: $1)
            }
            let k = zip(n, positions).map {
                let k = linear($0, .block(l, .key), outputs: c.keyValueWidth, bias: .block(l, .keyBias))
                return rotated(headsNormed(k, .block(l, .keyNorm)), position: $1)
            }
            let v = n.map {
                linear($0, .block(l, .value), outputs: c.keyValueWidth, bias: .block(l, .valueBias))
            }
            for t in x.indices {
                var attended: [Double] = []
                for h in 0..<c.heads {
                    let own = h * c.headWidth..<(h + 1) * c.headWidth
                    let shared = h / (c.heads / c.keyValueHeads) * c.headWidth
                    let visible = positions.indices.filter {
                        sees(positions[t], positions[$0], input.attention)
                    }
                    let p = Self.softmax(
                        visible.map { j in
                            dot(q[t][own], Array(k[j][shared..<shared + c.headWidth]))
                                / Double(c.headWidth).squareRoot()
                        })
                    for i in 0..<c.headWidth {
                        attended.append(zip(visible, p).reduce(0) { $0 + v[$1.0][shared + i] * $1.1 })
                    }
                }
                let output = linear(attended, .block(l, .attentionOutput), outputs: c.width)
                let y = zip(x[t], output).map { $0 + $1 }
                let m = normed(y, .block(l, .feedForwardNorm))
                let gate = linear(m, .block(l, .gate), outputs: c.feedForwardWidth)
                let up = linear(m, .block(l, .up), outputs: c.feedForwardWidth)
                let h = zip(gate, up).map { $0 / (1 + Elementary.exp(-$0)) * $1 }
                x[t] = zip(y, linear(h, .block(l, .down), outputs: c.width)).map { $0 + $1 }
            }
        }
        return x.map {
            linear(normed($0, .finalNorm), c.tiedHead ? .embedding : .head, outputs: c.vocabulary)
        }
    }

    /// One wanted row's share of a loss.
    struct Term {
        var target: Int32
        var crossEntropy: Float
        var entropy: Float = 0
    }

    /// Weighted cross-entropies and entropies (of softmax(logits / temperature)) over the wanted rows of all
    /// inputs, in order.
    func loss(_ inputs: [ForwardInput], _ terms: [Term], temperature: Double) -> Double {
        var loss = 0.0
        var next = 0
        for input in inputs {
            let rows = logits(input)
            for r in input.logitRows {
                let term = terms[next]
                next += 1
                let p = Self.softmax(rows[r])
                loss -= Double(term.crossEntropy) * Elementary.log(p[Int(term.target)])
                let q = Self.softmax(rows[r].map { $0 / temperature })
                loss -= Double(term.entropy) * q.reduce(0) { $0 + $1 * Elementary.log($1) }
            }
        }
        return loss
    }
}
