internal import CKernels

/// Prediction for one position: what the decoders and graders need of a row of logits.
public struct TokenScore: Sendable, Hashable {
    /// Most probable token; the lowest id among equals.
    public var token: Int32
    /// Softmax probability of ``token``.
    public var probability: Float
    /// Softmax probability of the runner-up.
    public var secondProbability: Float
    /// Entropy of the softmax, in nats.
    public var entropy: Float

    public init(token: Int32, probability: Float, secondProbability: Float = 0, entropy: Float) {
        self.token = token
        self.probability = probability
        self.secondProbability = secondProbability
        self.entropy = entropy
    }
}

/// The elementwise kernels, with shapes checked.
///
/// Every shape here follows from a configuration that was checked when it was read and from tensors that were compared
/// with it: what doesn't fit is a mistake of this program, which a `precondition` ends before memory is overwritten.
///
/// Letters as in CKernels.h: N rows, D columns, H heads, K head width, V vocabulary.
public enum Kernels {
    /// The instruction level chosen for this CPU.
    public static var level: String { String(cString: d3_kernel_level()) }

    /// The instruction levels that this CPU has, best first, as `D3LLM_LEVEL` names them: `v4`, `v3`, `plain`.
    ///
    /// All of them give the same bits where the CPU has fused multiply-adds.
    package static var levels: [String] {
        [("v4", "x86-64-v4"), ("v3", "x86-64-v3"), ("plain", "plain")]
            .filter { d3_kernels_at($0.1) != nil }.map(\.0)
    }

    /// Whether the kernels in use have fused multiply-adds, without which results differ in their last bits.
    package static var isFused: Bool { d3_chosen_kernels().pointee.is_fused }

    /// Fused softmax, argmax and entropy of one row of logits (V).
    public static func score(_ logits: UnsafeBufferPointer<Float>) -> TokenScore {
        precondition(!logits.isEmpty, "a row of logits can't be empty")
        let s = d3_score(logits.baseAddress, logits.count)
        return TokenScore(
            token: s.token, probability: s.probability, secondProbability: s.second_probability,
            entropy: s.entropy)
    }

    /// `y = x · inverse · weight` per row; `inverse` (N × 1) receives 1 / rms, which the gradient needs.
    public static func rmsNorm(
        _ x: Matrix, weight: Matrix, into y: MutableMatrix, inverse: MutableMatrix, epsilon: Float
    ) {
        precondition(
            x.rows == y.rows && x.columns == y.columns && inverse.rows * inverse.columns == x.rows,
            "shapes that fit")
        precondition(
            weight.rows * weight.columns == x.columns && x.isContiguous && y.isContiguous,
            "shapes that fit, without gaps between rows")
        d3_rms_norm(x.pointer, weight.pointer, y.pointer, inverse.pointer, x.rows, x.columns, epsilon)
    }

    /// Adds the norm's gradients to `dx` (N × D) and `dWeight` (D).
    public static func rmsNormBackward(
        _ dy: Matrix, x: Matrix, inverse: Matrix, weight: Matrix, dx: MutableMatrix, dWeight: MutableMatrix
    ) {
        precondition(
            dy.rows == x.rows && dx.rows == x.rows && dx.columns == x.columns && dy.columns == x.columns,
            "shapes that fit")
        precondition(
            dWeight.rows * dWeight.columns == x.columns && weight.rows * weight.columns == x.columns,
            "shapes that fit")
        precondition(
            dx.isContiguous && x.isContiguous && dy.isContiguous && inverse.rows * inverse.columns == x.rows,
            "shapes that fit, without gaps between rows")
        d3_rms_norm_backward(
            dy.pointer, x.pointer, inverse.pointer, weight.pointer, dx.pointer, dWeight.pointer, x.rows,
            x.columns)
    }

    /// Rotates x (N × H·K) in place by the angles of `positions`; `inverse` rotates back.
    public static func rope(
        _ x: MutableMatrix, table: RotaryTable, positions: [Int32], headWidth: Int, inverse: Bool = false
    ) {
        precondition(
            positions.count == x.rows && x.columns % headWidth == 0,
            "a place for each row, whole heads, and a table that is long enough")
        precondition(
            headWidth == 2 * table.cosine.columns && (positions.max() ?? -1) < table.cosine.rows,
            "a place for each row, whole heads, and a table that is long enough")
        d3_rope(
            x.pointer, x.stride, table.cosine.pointer, table.sine.pointer, positions, x.rows,
            x.columns / headWidth, headWidth, inverse ? -1 : 1)
    }

    /// In place softmax of `scale · scores`, row r over its first `limits[r]` columns, zero beyond.
    ///
    /// - Parameter limits: one for each row, from 0 to the number of columns.
    public static func softmaxRows(_ scores: MutableMatrix, limits: ArraySlice<Int32>, scale: Float) {
        precondition(limits.count == scores.rows, "\(limits.count) limits for \(scores.rows) rows")
        precondition(
            limits.allSatisfy { $0 >= 0 && Int($0) <= scores.columns },
            "a limit is beyond the \(scores.columns) columns")
        limits.withUnsafeBufferPointer { limits in
            guard let limits = limits.baseAddress else { return }
            d3_softmax_rows(scores.pointer, scores.stride, limits, scores.rows, scores.columns, scale)
        }
    }

    /// In place softmax of `scale · scores` (N × D), row r over its first `limits[r]` columns and those of `windows[r]`, zero elsewhere.
    ///
    /// A window is moved to its prefix's end and back, so that the bits are those of a row without the gap.
    ///
    /// - Parameters:
    ///   - limits: one for each row, from 0 to the number of columns.
    ///   - windows: one for each row, behind its limit or empty.
    public static func softmaxRows(
        _ scores: MutableMatrix, limits: ArraySlice<Int32>, windows: ArraySlice<Range<Int>>, scale: Float
    ) {
        precondition(
            windows.count == scores.rows && limits.count == scores.rows,
            "\(limits.count) limits and \(windows.count) windows for \(scores.rows) rows")
        var seen: [Int32] = []
        seen.reserveCapacity(scores.rows)
        for (row, (limit, window)) in zip(limits, windows).enumerated() {
            let prefix = Int(limit)
            precondition(
                window.isEmpty || window.lowerBound >= prefix && window.upperBound <= scores.columns,
                "a window \(window) behind \(limit) of \(scores.columns) columns")
            seen.append(limit + Int32(window.count))
            guard window.lowerBound > prefix else { continue }
            let start = scores.pointer + row * scores.stride
            (start + prefix).update(from: start + window.lowerBound, count: window.count)
        }
        softmaxRows(scores, limits: seen[...], scale: scale)
        for (row, (limit, window)) in zip(limits, windows).enumerated() {
            let prefix = Int(limit)
            guard window.lowerBound > prefix else { continue }
            let start = scores.pointer + row * scores.stride
            (start + window.lowerBound).update(from: start + prefix, count: window.count)
            (start + prefix).update(repeating: 0, count: min(window.count, window.lowerBound - prefix))
        }
    }

    /// In place gradient of the unscaled scores from `dp` and the probabilities `p` (both N × D).
    public static func softmaxRowsBackward(_ dp: MutableMatrix, p: Matrix, scale: Float) {
        precondition(dp.rows == p.rows && dp.columns == p.columns && dp.stride == p.stride, "shapes that fit")
        d3_softmax_rows_backward(dp.pointer, p.pointer, p.stride, p.rows, p.columns, scale)
    }

    /// `h = silu(gate) · up`, elementwise over contiguous matrices of one shape.
    public static func swiglu(gate: Matrix, up: Matrix, into h: MutableMatrix, threads: Int = 1) {
        let count = gate.rows * gate.columns
        precondition(up.rows * up.columns == count && h.rows * h.columns == count, "shapes that fit")
        precondition(gate.isContiguous && up.isContiguous && h.isContiguous, "no gaps between rows")
        // A piece is large enough to be worth handing to a thread.
        let piece = 1 << 16
        Threads.parallelFor((count + piece - 1) / piece, threads: threads) { (index: Int) -> Void in
            let start = index * piece
            d3_swiglu(
                gate.pointer + start, up.pointer + start, h.pointer + start, min(piece, count - start))
        }
    }

    /// Gradients of ``swiglu(gate:up:into:)``; `dGate` and `dUp` are written, all contiguous and of one shape.
    public static func swigluBackward(
        _ dh: Matrix, gate: Matrix, up: Matrix, dGate: MutableMatrix, dUp: MutableMatrix
    ) {
        let count = gate.rows * gate.columns
        precondition(up.rows * up.columns == count && dh.rows * dh.columns == count, "shapes that fit")
        precondition(
            dGate.rows * dGate.columns == count && dUp.rows * dUp.columns == count, "shapes that fit")
        precondition(
            dh.isContiguous && gate.isContiguous && up.isContiguous && dGate.isContiguous && dUp.isContiguous,
            "no gaps between rows")
        d3_swiglu_backward(dh.pointer, gate.pointer, up.pointer, dGate.pointer, dUp.pointer, count)
    }

    /// `y += x`, same shape, contiguous.
    public static func add(_ x: Matrix, to y: MutableMatrix) {
        precondition(
            x.rows == y.rows && x.columns == y.columns && y.isContiguous && x.isContiguous,
            "shapes that fit, without gaps between rows")
        d3_add(y.pointer, x.pointer, x.rows * x.columns)
    }

    /// `y += a · x` over `y.count` elements.
    public static func axpy(_ a: Float, _ x: UnsafePointer<Float>, to y: UnsafeMutableBufferPointer<Float>) {
        d3_axpy(y.baseAddress, a, x, y.count)
    }

    /// Multiplies every element.
    public static func scale(_ x: UnsafeMutableBufferPointer<Float>, by factor: Float) {
        d3_scale(x.baseAddress, factor, x.count)
    }

    /// Adds the row vector (D) to every row of y (N × D).
    public static func addRow(_ row: Matrix, to y: MutableMatrix) {
        precondition(row.rows * row.columns == y.columns, "shapes that fit")
        d3_add_row(y.pointer, y.stride, row.pointer, y.rows, y.columns)
    }

    /// Adds the column sums of x (N × D) to `sum` (D).
    public static func sumRows(_ x: Matrix, into sum: MutableMatrix) {
        precondition(sum.rows * sum.columns == x.columns, "shapes that fit")
        d3_sum_rows(x.pointer, x.stride, sum.pointer, x.rows, x.columns)
    }

    /// `y = xᵀ`: x is M × N, y N × M.
    public static func transpose(_ x: Matrix, into y: MutableMatrix) {
        precondition(y.rows == x.columns && y.columns == x.rows, "shapes that fit")
        d3_transpose(x.pointer, x.stride, x.rows, x.columns, y.pointer, y.stride)
    }

    /// Sum of squares in double precision.
    public static func sumOfSquares(_ x: UnsafeBufferPointer<Float>) -> Double {
        d3_sum_of_squares(x.baseAddress, x.count)
    }
}

extension Kernels {
    /// Constants of one AdamW step; see ``Kernels/adamW(_:gradient:first:second:step:)``.
    public struct AdamWStep: Sendable {
        public var learningRate: Float
        public var beta1: Float
        public var beta2: Float
        public var epsilon: Float
        /// Decoupled weight decay: parameters are first multiplied by `1 - learningRate · decay`.
        public var decay: Float
        /// Factor on the gradient, from clipping.
        public var gradientScale: Float
        /// Number of this step, from 1; gives the bias corrections.
        public var step: Int

        public init(
            learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, decay: Float,
            gradientScale: Float,
            step: Int
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.decay = decay
            self.gradientScale = gradientScale
            self.step = step
        }
    }

    /// One AdamW update of parameters in place, as `torch.optim.AdamW` does it.
    public static func adamW(
        _ parameters: UnsafeMutableBufferPointer<Float>, gradient: UnsafePointer<Float>,
        first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, _ s: AdamWStep
    ) {
        let correction1 = 1 - Elementary.pow(Double(s.beta1), Double(s.step))
        let correction2 = 1 - Elementary.pow(Double(s.beta2), Double(s.step))
        d3_adamw(
            parameters.baseAddress, gradient, first, second, parameters.count, s.gradientScale,
            s.learningRate,
            s.beta1, s.beta2, s.epsilon, s.decay, Float(correction1), Float(correction2))
    }

    /// `momentum = beta · momentum + g`, `out = g + beta · momentum`, with g the scaled gradient.
    public static func nesterov(
        gradient: UnsafePointer<Float>, momentum: UnsafeMutableBufferPointer<Float>,
        into out: UnsafeMutablePointer<Float>, gradientScale: Float, beta: Float
    ) {
        d3_nesterov(gradient, momentum.baseAddress, out, momentum.count, gradientScale, beta)
    }
}

/// Loss terms of one position.
public struct RowLoss: Sendable {
    /// `-ln softmax(logits)[target]`, in nats.
    public var crossEntropy: Float
    /// Entropy of `softmax(logits / temperature)`, in nats.
    public var entropy: Float
    /// Whether the most probable token is the target.
    public var isCorrect: Bool

    public init(crossEntropy: Float, entropy: Float, isCorrect: Bool) {
        self.crossEntropy = crossEntropy
        self.entropy = entropy
        self.isCorrect = isCorrect
    }
}

extension Kernels {
    /// Cross-entropy and tempered entropy of one row of logits (V).
    public static func rowLoss(
        _ logits: UnsafeBufferPointer<Float>, target: Int32, temperature: Float
    ) -> RowLoss {
        precondition(target >= 0 && Int(target) < logits.count, "target \(target) of \(logits.count) tokens")
        let loss = d3_loss_row(logits.baseAddress, logits.count, target, temperature)
        return RowLoss(crossEntropy: loss.cross_entropy, entropy: loss.entropy, isCorrect: loss.correct)
    }

    /// Gradient (V) of `ceWeight · crossEntropy + entropyWeight · entropy` with respect to the logits (V).
    public static func rowLossBackward(
        _ logits: UnsafeBufferPointer<Float>, target: Int32, ceWeight: Float, entropyWeight: Float,
        temperature: Float, into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(
            gradient.count == logits.count && target >= 0 && Int(target) < logits.count,
            "a gradient for each logit, and a token that there is")
        d3_loss_row_backward(
            logits.baseAddress, gradient.baseAddress, logits.count, target, ceWeight, entropyWeight,
            temperature)
    }

    /// Cross-entropy of one row of logits (V) against a distribution (V), in nats.
    public static func softCrossEntropy(
        _ logits: UnsafeBufferPointer<Float>, target: UnsafeBufferPointer<Float>
    ) -> Float {
        precondition(logits.count == target.count && !logits.isEmpty, "one probability per logit")
        return d3_soft_cross_entropy(logits.baseAddress, target.baseAddress, logits.count)
    }

    /// Gradient (V) of `weight · softCrossEntropy` with respect to the logits (V).
    public static func softCrossEntropyBackward(
        _ logits: UnsafeBufferPointer<Float>, target: UnsafeBufferPointer<Float>, weight: Float,
        into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(
            logits.count == target.count && gradient.count == logits.count && !logits.isEmpty,
            "one probability and one gradient per logit")
        d3_soft_cross_entropy_backward(
            logits.baseAddress, target.baseAddress, gradient.baseAddress, logits.count, weight)
    }

    /// Probabilities (V) of one row of logits (V).
    public static func softmax(
        _ logits: UnsafeBufferPointer<Float>, into probabilities: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(logits.count == probabilities.count && !logits.isEmpty, "one probability per logit")
        d3_softmax(logits.baseAddress, probabilities.baseAddress, logits.count)
    }
}
