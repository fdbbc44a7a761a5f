internal import GGUF
internal import Numerics

/// How a type of GGUF becomes 32-bit floats, block by block.
///
/// The sums and products are those of ggml's `dequantize_row_*` in 32-bit floats and in their order; a test compares them
/// bit for bit with `gguf.quants.dequantize`, which is written from them.
struct GGUFBlocks {
    /// The first block.
    private let source: UnsafePointer<UInt8>

    /// Writes the elements of consecutive blocks.
    ///
    /// - Parameters:
    ///   - source: the blocks, which are as many bytes as `count` elements take.
    ///   - target: room for the elements.
    ///   - count: a multiple of the elements of a block.
    static func dequantize(
        _ type: GGUFTensorType, _ source: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        let (elements, bytes) = type.block
        precondition(
            count % elements == 0 && source.count == count / elements * bytes, "blocks that are whole")
        guard count > 0, let base = source.baseAddress else { return }
        var from = base.assumingMemoryBound(to: UInt8.self)
        var to = target
        for _ in 0..<count / elements {
            let block = GGUFBlocks(source: from)
            switch type {
            case .float32: to[0] = Float(bitPattern: UInt32(block.short(0)) | UInt32(block.short(2)) << 16)
            case .float16: to[0] = block.half(0)
            case .bfloat16: to[0] = Float(bitPattern: UInt32(block.short(0)) << 16)
            case .q80: block.q80(to)
            case .q40: block.q40(to)
            case .q41: block.q41(to)
            case .q50: block.q50(to)
            case .q51: block.q51(to)
            case .q4K: block.q4K(to)
            case .q5K: block.q5K(to)
            case .q6K: block.q6K(to)
            }
            from += bytes
            to += elements
        }
    }

    private func short(_ offset: Int) -> UInt16 { UInt16(source[offset]) | UInt16(source[offset + 1]) << 8 }

    /// A scale in 16 bits.
    private func half(_ offset: Int) -> Float { SafetensorsFile.widenHalf(short(offset)) }

    private func q80(_ out: UnsafeMutablePointer<Float>) {
        let scale = half(0)
        for i in 0..<32 { out[i] = Float(Int8(bitPattern: source[2 + i])) * scale }
    }

    // In the types of 4 and 5 bits the lower halves of 16 bytes are the first elements, the upper ones the others.

    private func q40(_ out: UnsafeMutablePointer<Float>) {
        let scale = half(0)
        for i in 0..<16 {
            let pair = Int32(source[2 + i])
            out[i] = scale * Float((pair & 15) - 8)
            out[i + 16] = scale * Float((pair >> 4) - 8)
        }
    }

    private func q41(_ out: UnsafeMutablePointer<Float>) {
        let (scale, least) = (half(0), half(2))
        for i in 0..<16 {
            let pair = Int32(source[4 + i])
            out[i] = scale * Float(pair & 15) + least
            out[i + 16] = scale * Float(pair >> 4) + least
        }
    }

    /// The fifth bits of 32 elements.
    private func fifthBits(_ offset: Int) -> UInt32 {
        UInt32(short(offset)) | UInt32(short(offset + 2)) << 16
    }

    private func q50(_ out: UnsafeMutablePointer<Float>) {
        let (scale, high) = (half(0), fifthBits(2))
        for i in 0..<16 {
            let pair = source[6 + i]
            let first = Int32(pair & 15) | Int32((high >> UInt32(i)) & 1) << 4
            let second = Int32(pair >> 4) | Int32((high >> UInt32(i + 16)) & 1) << 4
            out[i] = scale * Float(first - 16)
            out[i + 16] = scale * Float(second - 16)
        }
    }

    private func q51(_ out: UnsafeMutablePointer<Float>) {
        let (scale, least, high) = (half(0), half(2), fifthBits(4))
        for i in 0..<16 {
            let pair = source[8 + i]
            let first = Int32(pair & 15) | Int32((high >> UInt32(i)) & 1) << 4
            let second = Int32(pair >> 4) | Int32((high >> UInt32(i + 16)) & 1) << 4
            out[i] = scale * Float(first) + least
            out[i + 16] = scale * Float(second) + least
        }
    }

    /// Scale and minimum, of 6 bits each, of one of the eight groups of 32 elements; the 12 bytes begin at byte 4.
    private func scaleAndMinimum(_ group: Int) -> (scale: Float, minimum: Float) {
        let scales = source + 4
        guard group >= 4 else { return (Float(scales[group] & 63), Float(scales[group + 4] & 63)) }
        let low = scales[group + 4]
        return (
            Float((low & 15) | (scales[group - 4] >> 6) << 4), Float((low >> 4) | (scales[group] >> 6) << 4)
        )
    }

    private func q4K(_ out: UnsafeMutablePointer<Float>) {
        let (scale, minimum) = (half(0), half(2))
        for group in 0..<8 {
            let (s, m) = scaleAndMinimum(group)
            let (d, least) = (scale * s, minimum * m)
            let pairs = source + 16 + group / 2 * 32
            let shift = UInt8(group % 2 * 4)
            for i in 0..<32 { out[group * 32 + i] = d * Float((pairs[i] >> shift) & 15) - least }
        }
    }

    private func q5K(_ out: UnsafeMutablePointer<Float>) {
        let (scale, minimum) = (half(0), half(2))
        let high = source + 16
        for group in 0..<8 {
            let (s, m) = scaleAndMinimum(group)
            let (d, least) = (scale * s, minimum * m)
            let pairs = source + 48 + group / 2 * 32
            let shift = UInt8(group % 2 * 4)
            for i in 0..<32 {
                let value = (pairs[i] >> shift) & 15 | ((high[i] >> UInt8(group)) & 1) << 4
                out[group * 32 + i] = d * Float(value) - least
            }
        }
    }

    private func q6K(_ out: UnsafeMutablePointer<Float>) {
        let (low, high, scales, scale) = (source, source + 128, source + 192, half(208))
        for group in 0..<8 {
            // Groups of 32 elements: four share 64 bytes of lower bits and 32 of upper ones.
            let (half, place) = (group / 4, group % 4)
            let pairs = low + half * 64 + place % 2 * 32
            let shift = UInt8(place / 2 * 4)
            for i in 0..<32 {
                let upper = (high[half * 32 + i] >> UInt8(place * 2)) & 3
                let value = Int32((pairs[i] >> shift) & 15 | upper << 4) - 32
                let d = scale * Float(Int8(bitPattern: scales[group * 2 + i / 16]))
                out[group * 32 + i] = d * Float(value)
            }
        }
    }
}

// MARK: - Writing

extension GGUFBlocks {
    /// Writes a row as consecutive blocks of a type that is written: F32, F16, BF16, Q8_0.
    ///
    /// The bytes are those of `gguf.quants.quantize`, which has them from ggml's `quantize_row_q8_0_ref`.
    /// - Parameter target: room for as many bytes as the row takes.
    /// - Returns: Whether every element is a number that the type can hold.
    static func quantize(
        _ type: GGUFTensorType, _ source: UnsafeBufferPointer<Float>,
        into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(
            source.count % type.block.elements == 0
                && target.count == source.count / type.block.elements * type.block.bytes,
            "blocks that are whole")
        guard let from = source.baseAddress, let to = target.baseAddress else { return true }
        // In little-endian order, as numbers lie in memory.
        switch type {
        case .float32:
            to.copyMemory(from: from, byteCount: target.count)
            return source.allSatisfy(\.isFinite)
        case .bfloat16:
            BFloat16.round(source, into: to.bindMemory(to: UInt16.self, capacity: source.count))
            return source.allSatisfy { $0.isFinite && Float($0.magnitude) < 0x1.FFp127 }
        case .float16:
            for (i, value) in source.enumerated() {
                let half = Float16(value)
                guard half.isFinite else { return false }
                to.storeBytes(of: half.bitPattern.littleEndian, toByteOffset: 2 * i, as: UInt16.self)
            }
            return true
        case .q80:
            for block in 0..<source.count / 32 {
                guard q80(from + 32 * block, into: to + 34 * block) else { return false }
            }
            return true
        default: preconditionFailure("\(type.name) is read and not written")
        }
    }

    /// One block of 32 elements: the largest is 127 steps.
    private static func q80(_ values: UnsafePointer<Float>, into out: UnsafeMutableRawPointer) -> Bool {
        var largest: Float = 0
        for i in 0..<32 {
            // Also false for what is no number.
            guard values[i].magnitude <= .greatestFiniteMagnitude else { return false }
            largest = max(largest, values[i].magnitude)
        }
        let scale = largest / 127
        let half = Float16(scale)
        guard half.isFinite else { return false }
        out.storeBytes(of: half.bitPattern.littleEndian, as: UInt16.self)
        // Of numbers that are too small for a scale nothing is left.
        let steps = scale == 0 || !(1 / scale).isFinite ? 0 : 1 / scale
        for i in 0..<32 {
            let value = Int8((values[i] * steps).rounded(.toNearestOrAwayFromZero))
            out.storeBytes(of: value, toByteOffset: 2 + i, as: Int8.self)
        }
        return true
    }
}
