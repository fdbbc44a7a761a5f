public import Base
internal import CKernels
internal import COpenBLAS

/// Why OpenBLAS can't be used.
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
    /// - Throws: ``BLASError`` when the library is missing.
    @discardableResult
    public static func load() throws(BLASError) -> Information {
        switch loaded {
        case .success(let information): return information
        case .failure(let error): throw error
        }
    }

    private static let loaded: Result<Information, BLASError> = {
        let explicit = environment("D3LLM_BLAS_CORE")
        let inherited = environment("OPENBLAS_CORETYPE")
        let suitable = d3_openblas_suitable_core().map { String(cString: $0) }
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
        if suitsOwnKernel(a, b, transposeB: transposeB, elements: m * n, columns: n) {
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

    /// Whether our own kernel is the faster one; elsewhere the same sums are left to OpenBLAS.
    ///
    /// OpenBLAS has kernels of its own for narrow and for very small products, and copies rows whose distance is a
    /// multiple of a page, which would compete for the same cache lines.
    private static func suitsOwnKernel(
        _ a: Matrix, _ b: Matrix, transposeB: Bool, elements: Int, columns: Int
    ) -> Bool {
        guard usesOwnKernels, transposeB ? elements > 1200 : columns >= 32 else { return false }
        func collides(_ matrix: Matrix) -> Bool { matrix.rows > 8 && matrix.stride % 1024 == 0 }
        return !collides(a) && !collides(b)
    }

    /// `D3LLM_PRODUCTS=openblas` leaves all products of 32-bit floats to OpenBLAS.
    private static let usesOwnKernels =
        d3_product_available() && environment("D3LLM_PRODUCTS") != "openblas"
}
