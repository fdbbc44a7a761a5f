internal import Files
package import GGUF
internal import Numerics
package import SystemPackage

extension Checkpoint {
    /// How the matrices of a model in GGUF are written; vectors are always 32-bit floats.
    package enum GGUFForm: String, Sendable, CaseIterable {
        case float32 = "F32"
        case bfloat16 = "BF16"
        /// 8 bits and a scale for 32 elements; F16 where rows can't be cut into 32, as llama.cpp has it.
        case q80 = "Q8_0"

        /// What llama.cpp calls a file of such tensors, by its number there (`llama_ftype`).
        var fileType: UInt32 {
            switch self {
            case .float32: 0
            case .bfloat16: 32
            case .q80: 7
            }
        }

        fileprivate func type(_ specification: ParameterSpecification) -> GGUFTensorType {
            guard !specification.isVector else { return .float32 }
            switch self {
            case .float32: return .float32
            case .bfloat16: return .bfloat16
            case .q80: return specification.columns % GGUFTensorType.q80.block.elements == 0 ? .q80 : .float16
            }
        }
    }

    /// Writes a model in GGUF, with the keys and the bytes that llama.cpp's `convert_hf_to_gguf.py` gives it; the file appears
    /// whole or not at all.
    /// - Parameters:
    ///   - transformer: read with ``loadFrozen(_:_:threads:)``, or in 32-bit floats.
    ///   - name: what the file calls the model (`general.name`).
    ///   - tokenizer: what it says of the tokens, one for each row of the embedding.
    /// - Throws: ``CheckpointError`` for a model that llama.cpp's files of the family can't describe, and for weights that
    ///   the form can't hold; `GGUFError`, `FileError`.
    package static func saveGGUF(
        _ transformer: Transformer, family: any ModelFamily.Type, _ form: GGUFForm, name: String,
        tokenizer: [GGUFWriter.Entry], to path: FilePath
    ) throws {
        let configuration = transformer.configuration
        let type = family.modelTypes[0]
        guard let architecture = GGUFModel.Architecture(rawValue: type) else {
            let known = GGUFModel.Architecture.allCases.map(\.rawValue).joined(separator: ", ")
            throw CheckpointError(
                path, "a model of type \(type) can't be written in GGUF; models of the types \(known) can")
        }
        let factors = try GGUFModel.rotaryFactors(of: configuration, architecture, path)
        var tensors = factors.map { [rotaryTensor($0)] } ?? []
        for specification in configuration.parameterSpecifications {
            tensors.append(
                tensor(transformer, specification, form.type(specification), architecture, family, path))
        }
        try GGUFWriter.write(
            GGUFModel.metadata(configuration, architecture, form, name: name) + tokenizer, tensors, to: path)
        do { try check(path, says: configuration) } catch {
            try? FileSystem.remove(path)
            throw error
        }
    }

    /// Reads what was written again and refuses what would be another model, such as one of a rotary base that is no 32-bit
    /// float.
    private static func check(_ path: FilePath, says expected: TransformerConfiguration) throws {
        var read = try configuration(path)
        // Those are the tokenizer's, and generation_config.json's beside it.
        (read.endToken, read.furtherEndTokens) = (expected.endToken, expected.furtherEndTokens)
        read.maskToken = expected.maskToken
        if let difference = expected.difference(from: read) {
            throw CheckpointError(
                path, "the model can't be written in GGUF: it has no way to say \(difference)")
        }
    }

    private static func rotaryTensor(_ factors: [Float]) -> GGUFWriter.Tensor {
        .init(GGUFModel.rotaryFactorsName, .float32, shape: [factors.count]) { sink in
            try factors.withUnsafeBytes { try sink.append($0) }
        }
    }

    /// Bytes that are in memory at once while a tensor is written, in about.
    private static let piece = 1 << 22

    private static func tensor(
        _ transformer: Transformer, _ specification: ParameterSpecification, _ type: GGUFTensorType,
        _ architecture: GGUFModel.Architecture, _ family: any ModelFamily.Type, _ path: FilePath
    ) -> GGUFWriter.Tensor {
        let (rows, columns) = (specification.rows, specification.columns)
        let name = GGUFModel.usualName(of: family.name(of: specification.role))
        let rowBytes = columns / type.block.elements * type.block.bytes
        let half = architecture.pairedHeads(specification.role, transformer.configuration).map {
            rows / $0 / 2
        }
        let step = max(1, min(rows, piece / max(1, rowBytes)))
        return .init(name, type, shape: specification.isVector ? [columns] : [rows, columns]) { sink in
            let matrix = transformer.widened(specification.role)
            var first = 0
            while first < rows {
                let count = min(step, rows - first)
                let from = first
                let room = UnsafeMutableRawBufferPointer.allocate(byteCount: count * rowBytes, alignment: 16)
                defer { room.deallocate() }
                nonisolated(unsafe) let target = room
                try Threads.parallelFor(count, threads: Threads.available) { (row: Int) throws -> Void in
                    let place = half.map { GGUFModel.unpaired(from + row, half: $0) } ?? from + row
                    let part = UnsafeMutableRawBufferPointer(
                        rebasing: target[row * rowBytes..<(row + 1) * rowBytes])
                    guard GGUFBlocks.quantize(type, matrix.row(place), into: part) else {
                        throw CheckpointError(
                            path, tensor: name,
                            "row \(place) has a weight that is no number or too large for \(type.name)")
                    }
                }
                try sink.append(UnsafeRawBufferPointer(room))
                first += count
            }
        }
    }
}

// MARK: - Metadata

extension GGUFModel {
    /// What the metadata says of the model itself.
    static func metadata(
        _ c: TransformerConfiguration, _ architecture: Architecture, _ form: Checkpoint.GGUFForm,
        name: String
    ) -> [GGUFWriter.Entry] {
        let prefix = architecture.rawValue
        func size(_ key: String, _ value: Int) -> GGUFWriter.Entry {
            .init("\(prefix).\(key)", .uint32(UInt32(value)))
        }
        var entries: [GGUFWriter.Entry] = [
            .init("general.architecture", .string(prefix)), .init("general.type", .string("model")),
            .init("general.name", .string(name)),
            size("block_count", c.layers), size("context_length", c.maximumPositions),
            size("embedding_length", c.width), size("feed_forward_length", c.feedForwardWidth),
            size("attention.head_count", c.heads), size("attention.head_count_kv", c.keyValueHeads),
            .init("\(prefix).rope.freq_base", .float32(Float(c.ropeTheta))),
            .init("\(prefix).attention.layer_norm_rms_epsilon", .float32(c.normEpsilon)),
            size("attention.key_length", c.headWidth), size("attention.value_length", c.headWidth),
            .init("general.file_type", .uint32(form.fileType)), size("vocab_size", c.vocabulary),
            size("rope.dimension_count", c.headWidth),
            .init("general.quantization_version", .uint32(2)),
        ]
        if case .linear(let factor) = c.ropeScaling {
            entries.append(.init("\(prefix).rope.scaling.type", .string("linear")))
            entries.append(.init("\(prefix).rope.scaling.factor", .float32(Float(factor))))
        }
        return entries
    }

    /// What each rotary frequency is divided by; nil where a factor says it, or nothing is scaled.
    /// - Throws: ``CheckpointError`` for numbers that couldn't be told from the factors.
    static func rotaryFactors(
        of c: TransformerConfiguration, _ architecture: Architecture, _ path: FilePath
    ) throws(CheckpointError) -> [Float]? {
        guard case .llama3(let factor, let low, let high, let positions) = c.ropeScaling else { return nil }
        guard low == 1, high == 4, positions == 8192 else {
            throw CheckpointError(
                path,
                "the model can't be written in GGUF: only Llama 3's own rotary scaling can be read again there (low 1, high 4, 8192 positions)"
            )
        }
        return llama3Factors(factor, c.headWidth, base: c.ropeTheta).map { Float($0) }
    }

    /// The row of a head's halves that llama.cpp has as row `row` of pairs; the inverse of how such tensors are read.
    static func unpaired(_ row: Int, half: Int) -> Int {
        let (head, place) = row.quotientAndRemainder(dividingBy: 2 * half)
        return head * 2 * half + place % 2 * half + place / 2
    }
}

extension GGUFModel.Architecture {
    /// Heads of a weight whose rows are written in pairs; nil for any other.
    fileprivate func pairedHeads(_ role: ParameterRole, _ c: TransformerConfiguration) -> Int? {
        guard hasPairedRows, case .block(_, let part) = role else { return nil }
        switch part {
        case .query: return c.heads
        case .key: return c.keyValueHeads
        default: return nil
        }
    }
}
