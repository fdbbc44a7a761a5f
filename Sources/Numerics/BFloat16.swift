internal import CKernels

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
