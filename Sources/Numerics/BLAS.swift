public import Base
internal import CKernels
internal import COpenBLAS

/// Why products can't be computed: OpenBLAS is missing, or `D3LLM_LEVEL` asks for what the CPU can't do.
public struct BLASError: Failure {
    public var failureKind: FailureKind { .unavailable }

    public let description: String
}

/// Matrix products.
///
/// The only place that knows which library computes them.
public enum BLAS {
    /// What was loaded.
    public struct Information: Sendable {
        /// Kernel family in use, for instance `SkylakeX`.
        public let core: String
        /// Kernel family that was asked for; `nil` where the library chose.
        public let requested: String?
        /// Value of `OPENBLAS_CORETYPE` before it was replaced, if it differed.
        public let replacedEnvironment: String?
        public let configuration: String
        public let path: String
    }

    /// Loads OpenBLAS with the kernels that suit this CPU; later calls return the same answer.
    ///
    /// OpenBLAS 0.3.21 takes kernels of half the speed on CPUs newer than itself, and an inherited
    /// `OPENBLAS_CORETYPE` is often wrong for the machine at hand. The choice made here therefore wins, except
    /// over `D3LLM_BLAS_CORE`, which names a family explicitly (`Haswell`, `SkylakeX`, …; `auto` leaves the
    /// choice to OpenBLAS).
    ///
    /// `D3LLM_LEVEL` (`v4`, `v3`, `plain`) names the instruction level of all kernels of 32-bit floats, OpenBLAS's
    /// included, instead of the best that the CPU has.
    /// - Throws: ``BLASError`` when the library is missing, or when the CPU hasn't the level.
    @discardableResult
    public static func load() throws(BLASError) -> Information {
        switch loaded {
        case .success(let information): return information
        case .failure(let error): throw error
        }
    }

    private static let loaded: Result<Information, BLASError> = {
        if let problem = d3_level_problem() {
            return .failure(BLASError(description: String(cString: problem) + "."))
        }
        let explicit = environment("D3LLM_BLAS_CORE")
        let inherited = environment("OPENBLAS_CORETYPE")
        let best = d3_openblas_suitable_core().map { String(cString: $0) }
        let isLowered = environment("D3LLM_LEVEL") != nil && Kernels.level != "x86-64-v4"
        let suitable = isLowered && best == "SkylakeX" ? "Haswell" : best
        let core = explicit == "auto" ? nil : explicit ?? suitable
        var message = [CChar](repeating: 0, count: 512)
        guard d3_openblas_load(core, &message, message.count) == 0 else {
            let reason = String(
                decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            return .failure(
                BLASError(
                    description: "OpenBLAS can't be loaded (\(reason)). "
                        + "Install it with: sudo apt-get install libopenblas-dev"))
        }
        return .success(
            Information(
                core: String(cString: d3_openblas_core()), requested: core,
                replacedEnvironment: core != nil && inherited != core ? inherited : nil,
                configuration: String(cString: d3_openblas_config()),
                path: String(cString: d3_openblas_path())))
    }()

    /// `c = alpha · op(a) op(b)`, or `c += …` when accumulating; op transposes where asked.
    ///
    /// op(a) is M × K, op(b) K × N, c M × N. Call ``load()`` once before; without it nothing is computed.
    public static func multiply(
        _ a: Matrix, _ b: Matrix, transposeA: Bool = false, transposeB: Bool = false, into c: MutableMatrix,
        scale alpha: Float = 1, accumulate: Bool = false
    ) {
        let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
        let (kb, n) = transposeB ? (b.columns, b.rows) : (b.rows, b.columns)
        precondition(
            k == kb && c.rows == m && c.columns == n,
            "product of \(m)x\(k) and \(kb)x\(n) into \(c.rows)x\(c.columns)")
        if m == 0 || n == 0 { return }
        if k == 0 {
            if !accumulate { c.fill(0) }
            return
        }
        if usesOwnKernels {
            var product = d3_product(
                a: a.pointer, b: b.pointer, c: c.pointer, m: m, n: n, k: k, lda: a.stride, ldb: b.stride,
                ldc: c.stride, alpha: alpha, transpose_a: transposeA, transpose_b: transposeB,
                accumulate: accumulate)
            d3_product_f32(&product)
            return
        }
        d3_sgemm(
            transposeA, transposeB, Int32(m), Int32(n), Int32(k), alpha, a.pointer, Int32(a.stride),
            b.pointer,
            Int32(b.stride), accumulate ? 1 : 0, c.pointer, Int32(c.stride))
    }

    /// The same on several threads, which don't show in the result: parts of the longer side of c.
    public static func multiply(
        _ a: Matrix, _ b: Matrix, transposeA: Bool = false, transposeB: Bool = false, into c: MutableMatrix,
        scale alpha: Float = 1, accumulate: Bool = false, threads: Int
    ) {
        let (rows, columns, depth) = (c.rows, c.columns, transposeA ? a.rows : a.columns)
        // Below this a thread costs more than it saves.
        let pieces = min(threads, rows * columns * depth / 2_000_000)
        guard pieces > 1 else {
            return multiply(
                a, b, transposeA: transposeA, transposeB: transposeB, into: c, scale: alpha,
                accumulate: accumulate)
        }
        let long = max(rows, columns)
        let step = (long / pieces + 31) / 32 * 32
        Threads.parallelFor((long + step - 1) / step, threads: threads) { (piece: Int) -> Void in
            let range = piece * step..<min(long, (piece + 1) * step)
            if columns >= rows {
                let part =
                    transposeB ? b.slice(rows: range) : b.slice(rows: 0..<b.rows, columns: range)
                multiply(
                    a, part, transposeA: transposeA, transposeB: transposeB,
                    into: c.slice(rows: 0..<rows, columns: range), scale: alpha, accumulate: accumulate)
            } else {
                let part =
                    transposeA ? a.slice(rows: 0..<a.rows, columns: range) : a.slice(rows: range)
                multiply(
                    part, b, transposeA: transposeA, transposeB: transposeB, into: c.slice(rows: range),
                    scale: alpha, accumulate: accumulate)
            }
        }
    }

    /// `c (+)= alpha · aᵀ b`, where a and b are some rows of two matrices whose other rows add nothing to the sum.
    ///
    /// Sums are cut where those over all rows are, so that leaving rows out that are zero in one of the two shows in no
    /// bit of the result.
    /// - Parameters:
    ///   - a: K' × M.
    ///   - b: K' × N.
    ///   - rows: which ones of the K rows a and b hold, ascending; all where it is nil.
    ///   - total: K.
    public static func multiplyTransposed(
        _ a: Matrix, _ b: Matrix, rows: [Int]?, of total: Int, into c: MutableMatrix,
        scale alpha: Float = 1, accumulate: Bool, threads: Int = 1
    ) {
        guard let rows, rows.count < total else {
            return multiply(
                a, b, transposeA: true, into: c, scale: alpha, accumulate: accumulate, threads: threads)
        }
        precondition(
            rows.count == a.rows && rows.count == b.rows && (rows.last ?? 0) < total,
            "\(rows.count) of \(total) rows, given \(a.rows) and \(b.rows)")
        if !accumulate { c.fill(0) }
        var (start, first) = (0, 0)
        while start < total {
            let end = usesOwnKernels ? start + d3_product_chunk(total - start) : total
            let next = rows[first...].firstIndex { $0 >= end } ?? rows.count
            if next > first {
                multiply(
                    a.slice(rows: first..<next), b.slice(rows: first..<next), transposeA: true, into: c,
                    scale: alpha, accumulate: true, threads: threads)
            }
            (start, first) = (end, next)
        }
    }

    /// Own kernels sum every element in one order, which neither the CPU's level nor the product's size changes.
    ///
    /// `D3LLM_PRODUCTS=openblas` leaves all products of 32-bit floats to OpenBLAS, and so do CPUs without AVX2.
    private static let usesOwnKernels =
        d3_product_available() && environment("D3LLM_PRODUCTS") != "openblas"
}
