internal import CKernels

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Natural logarithm; here so that other files need no C library.
@inline(__always) func logarithm(_ x: Double) -> Double { log(x) }

/// Cosine of an angle in radians.
@inline(__always) func cosine(_ x: Double) -> Double { cos(x) }

/// The elementary functions that the other modules need.
public enum Elementary {
    /// Natural logarithm.
    public static func log(_ x: Double) -> Double { logarithm(x) }
    /// e to the power of `x`.
    public static func exp(_ x: Double) -> Double {
        #if canImport(Glibc)
            Glibc.exp(x)
        #else
            Musl.exp(x)
        #endif
    }
    /// `x` to the power of `y`.
    public static func pow(_ x: Double, _ y: Double) -> Double {
        #if canImport(Glibc)
            Glibc.pow(x, y)
        #else
            Musl.pow(x, y)
        #endif
    }
    /// `x` to the power of `y`, rounded as the C library's `powf` does.
    public static func pow(_ x: Float, _ y: Float) -> Float { powf(x, y) }
    /// Cosine of an angle in radians, in 32-bit floats.
    public static func cos(_ x: Float) -> Float { cosf(x) }
    /// Sine of an angle in radians, in 32-bit floats.
    public static func sin(_ x: Float) -> Float { sinf(x) }
}

/// Conversions between 32-bit floats and bfloat16 (the upper half of a float), which Swift has no type for.
public enum BFloat16 {
    /// Widens `source` exactly.
    public static func widen(_ source: UnsafePointer<UInt16>, into out: UnsafeMutableBufferPointer<Float>) {
        d3_bf16_to_f32(source, out.baseAddress, out.count)
    }

    /// Rounds `source` to the nearest bfloat16, ties to even.
    public static func round(_ source: UnsafeBufferPointer<Float>, into out: UnsafeMutablePointer<UInt16>) {
        d3_f32_to_bf16(source.baseAddress, out, source.count)
    }
}
