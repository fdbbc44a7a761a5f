internal import Base
internal import Documents
internal import Files
internal import JSON
package import Numerics
package import SystemPackage

/// Low-rank changes of some weights: W becomes W + scaling · B · A (Hu et al., arXiv 2106.09685), in PEFT's files.
///
/// Decoding uses merged weights. Training keeps the two apart (``LowRankLayers``); that the gradients of A and B also
/// follow from those of merged weights (``gradients(from:)``) is what tests compare it with.
package struct LoRAAdapter: Sendable {
    /// The change of one weight.
    package struct Pair: Sendable {
        /// Which weight, outputs × inputs.
        package let role: ParameterRole
        /// Rank × inputs.
        package let a: Matrix
        /// Outputs × rank.
        package let b: Matrix

        package init(role: ParameterRole, a: Matrix, b: Matrix) {
            (self.role, self.a, self.b) = (role, a, b)
        }
    }

    /// Rows of A and columns of B.
    package let rank: Int
    /// `lora_alpha`, what ``scaling`` is computed from.
    package let alpha: Double
    /// Whether alpha is divided by the root of the rank (rank-stabilized LoRA, arXiv 2312.03732).
    package let usesRankRoot: Bool
    /// One for each weight that is changed.
    package let pairs: [Pair]

    /// Factor on B · A: alpha / rank, or alpha / √rank.
    package var scaling: Float {
        Float(alpha / (usesRankRoot ? Double(rank).squareRoot() : Double(rank)))
    }

    package init(rank: Int, alpha: Double, usesRankRoot: Bool = false, pairs: [Pair]) {
        precondition(rank > 0, "an adapter has a rank of at least 1")
        self.rank = rank
        self.alpha = alpha
        self.usesRankRoot = usesRankRoot
        self.pairs = pairs
    }

    static let configurationFile = "adapter_config.json"
    static let weightsFile = "adapter_model.safetensors"
    /// What PEFT puts before the names of a model's modules.
    static let prefix = "base_model.model."

    /// Name of a weight's module in PEFT's files.
    static func module(of role: ParameterRole, _ family: any ModelFamily.Type) -> String {
        let name = family.name(of: role)
        return prefix + (name.byteText.dropping(suffix: ".weight")?.text ?? name)
    }

    /// Adds the adapter to a model's weights, in place.
    package func merge(into parameters: FlatParameters) {
        for pair in pairs {
            guard let weight = parameters.views[pair.role] else {
                preconditionFailure("no weight \(pair.role)")
            }
            BLAS.multiply(pair.b, pair.a, into: weight, scale: scaling, accumulate: true)
        }
    }

    /// A weight with its change, in new memory.
    func merged(_ pair: Pair, into weight: Matrix) -> Matrix {
        let merged = MutableMatrix(zeros: weight.rows, weight.columns)
        merged.copy(from: weight)
        BLAS.multiply(pair.b, pair.a, into: merged, scale: scaling, accumulate: true)
        return merged.view
    }

    /// Gradients of A and B of every pair, in order, from the gradient of the merged weights:
    /// dA = scaling · Bᵀ · dW, dB = scaling · dW · Aᵀ.
    package func gradients(from merged: FlatParameters) -> [(a: Matrix, b: Matrix)] {
        pairs.map { pair in
            let dWeight = merged.view(of: pair.role)
            let a = MutableMatrix(zeros: pair.a.rows, pair.a.columns)
            let b = MutableMatrix(zeros: pair.b.rows, pair.b.columns)
            BLAS.multiply(pair.b, dWeight, transposeA: true, into: a, scale: scaling)
            BLAS.multiply(dWeight, pair.a, transposeB: true, into: b, scale: scaling)
            return (a.view, b.view)
        }
    }
}

/// What an adapter_config.json of PEFT says.
package struct LoRAOptions: Sendable {
    /// `r`.
    package let rank: Int
    /// `lora_alpha`.
    package let alpha: Double
    /// `use_rslora`.
    package let usesRankRoot: Bool
    /// Names of the modules that it was trained on; nil where a pattern is given instead.
    package let targets: [String]?
    /// The model that it was trained on, as PEFT was told.
    package let base: String?

    /// Whether a folder has such a file.
    package static func isThere(_ folder: FilePath) -> Bool {
        FileSystem.exists(folder.appending(LoRAAdapter.configurationFile))
    }

    /// Reads the file of a folder.
    ///
    /// - Throws: ``CheckpointError`` for an option that isn't implemented, `JSONSyntaxError`, `FileError`.
    package init(_ folder: FilePath) throws {
        let path = folder.appending(LoRAAdapter.configurationFile)
        let document = try JSONDocument(
            parsing: FileSystem.read(path, limit: FileLimit.settings), name: path.string, allowNonFinite: true
        )
        let root = document.root
        let options = FamilyOptions(root: root)
        do throws(FamilyError) {
            try options.require("peft_type", "LORA")
            try options.require("bias", "none")
            for key in ["use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora"] {
                try options.require(key, false)
            }
            // What these change is more than a product of two matrices per weight, or another product for each.
            for key in [
                "rank_pattern", "alpha_pattern", "layer_replication", "modules_to_save",
                "trainable_token_indices", "target_parameters", "alora_invocation_tokens",
            ] {
                guard let value = options[key], value.node.members?.isEmpty != true,
                    value.node.array?.isEmpty != true
                else { continue }
                throw value.error("\(key) is not implemented")
            }
            // These begin by changing the model's own weights, which its files don't have.
            if let value = options["init_lora_weights"], let kind = value.node.string,
                ["pissa", "olora", "corda", "loftq"].contains(where: {
                    kind.byteText.asciiLowercased.hasPrefix($0)
                })
            {
                throw value.error("init_lora_weights \"\(kind)\" is not implemented")
            }
            // PEFT's own defaults.
            rank = try options["r"] == nil ? 8 : options.integer("r", in: 1...)
            alpha = try options.number("lora_alpha", default: 8)
            usesRankRoot = try options.flag("use_rslora", default: false)
        } catch {
            let place = error.offset.map { "line \(document.position(of: $0).line): " } ?? ""
            throw CheckpointError(path, place + error.description)
        }
        targets = root["target_modules"]?.array?.compactMap(\.string)
        base = root["base_model_name_or_path"]?.string
    }

    /// Names of ``targets`` that no linear layer of a model has, sorted.
    package func unmatched(
        in configuration: TransformerConfiguration, _ family: any ModelFamily.Type
    ) -> [String] {
        let modules = configuration.parameterSpecifications.filter { !$0.isVector }
            .map { "." + LoRAAdapter.module(of: $0.role, family) }
        return (targets ?? []).filter { target in !modules.contains { $0.byteText.hasSuffix("." + target) } }
            .sorted()
    }
}

extension LoRAAdapter {
    /// Reads an adapter in PEFT's layout: adapter_config.json and adapter_model.safetensors.
    ///
    /// Names of modules that the configuration lists and the model lacks are passed over, as PEFT does: lists are written
    /// for several architectures. ``LoRAOptions/unmatched(in:_:)`` tells them.
    /// - Throws: ``CheckpointError`` for an option that isn't implemented, tensors that fit no weight of the model or
    ///   have another shape, half a pair, or an adapter that changes nothing; `FileError`.
    package init(
        _ folder: FilePath, for configuration: TransformerConfiguration, _ family: any ModelFamily.Type
    ) throws {
        let options = try LoRAOptions(folder)
        let rank = options.rank
        let path = folder.appending(Self.weightsFile)
        let file = try SafetensorsFile(path)
        var pairs: [Pair] = []
        var expected: Set<String> = []
        for specification in configuration.parameterSpecifications where !specification.isVector {
            let module = Self.module(of: specification.role, family)
            // Some tools save the adapter's name too, which is "default" unless it was given another.
            let named = file.entries[module + ".lora_A.default.weight"] != nil ? ".default" : ""
            let (a, b) = (module + ".lora_A\(named).weight", module + ".lora_B\(named).weight")
            guard file.entries[a] != nil || file.entries[b] != nil else { continue }
            expected.formUnion([a, b])
            pairs.append(
                Pair(
                    role: specification.role,
                    a: try file.matrix(
                        a, shape: [rank, specification.columns], rows: rank, columns: specification.columns),
                    b: try file.matrix(
                        b, shape: [specification.rows, rank], rows: specification.rows, columns: rank)))
        }
        for role in [ParameterRole.embedding, .head] { expected.insert(Self.prefix + family.name(of: role)) }
        let strangers = file.entries.keys.filter { !expected.contains($0) }.sorted()
        if let first = strangers.first {
            let others = strangers.count == 1 ? "" : "; nor do \(strangers.count - 1) others: "
            throw CheckpointError(
                path, tensor: first,
                "fits no weight of the model" + others
                    + strangers.dropFirst().prefix(7).joined(separator: ", ")
                    + (strangers.count > 8 ? " and so on" : ""))
        }
        guard !pairs.isEmpty else {
            throw CheckpointError(path, "holds no tensor, so the adapter changes nothing")
        }
        self.init(rank: rank, alpha: options.alpha, usesRankRoot: options.usesRankRoot, pairs: pairs)
    }

    /// The tensors of a file that stand for a weight of the model as a whole: embeddings that PEFT saved with the adapter.
    ///
    /// PEFT saves a head that is tied to the embedding as well, and reads it after the embedding, so that it is what counts.
    static func replacements(
        in file: SafetensorsFile, _ configuration: TransformerConfiguration, _ family: any ModelFamily.Type
    ) -> [ParameterRole: String] {
        var found: [ParameterRole: String] = [:]
        let roles = configuration.parameterSpecifications.map(\.role).filter {
            $0 == .embedding || $0 == .head
        }
        for role in roles where file.entries[prefix + family.name(of: role)] != nil {
            found[role] = prefix + family.name(of: role)
        }
        let head = prefix + family.name(of: .head)
        if configuration.tiedHead, file.entries[head] != nil { found[.embedding] = head }
        return found
    }

    /// Writes the adapter so that PEFT and ``init(_:for:_:)`` read it.
    package func write(
        to folder: FilePath, _ family: any ModelFamily.Type, type: SafetensorsWriter.FloatType = .float32
    ) throws {
        try FileSystem.createDirectory(folder)
        let tensors = pairs.flatMap { pair -> [SafetensorsWriter.Tensor] in
            let module = Self.module(of: pair.role, family)
            return [
                .init(name: module + ".lora_A.weight", shape: [pair.a.rows, pair.a.columns], values: pair.a),
                .init(name: module + ".lora_B.weight", shape: [pair.b.rows, pair.b.columns], values: pair.b),
            ]
        }
        try SafetensorsWriter.write(tensors, type: type, to: folder.appending(Self.weightsFile))
        // PEFT looks for modules whose names end so: where the head or the embedding has such a name too, it's the whole one.
        func path(_ role: ParameterRole) -> String {
            let module = Self.module(of: role, family)
            return module.byteText.dropping(prefix: Self.prefix.byteText)?.text ?? module
        }
        func last(_ path: String) -> String { path.byteText.split(".").last?.text ?? path }
        let others = Set([ParameterRole.head, .embedding].map { last(path($0)) })
        let modules = Set(pairs.map { path($0.role) }.map { others.contains(last($0)) ? $0 : last($0) })
        let document: JSONValue = [
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": .integer(rank), "lora_alpha": .number(alpha),
            "lora_dropout": 0, "bias": "none", "use_dora": false, "use_rslora": .bool(usesRankRoot),
            "fan_in_fan_out": false,
            "target_modules": .array(modules.sorted().map { .string($0) }),
        ]
        try FileSystem.writeAtomically(document.prettyBytes(), to: folder.appending(Self.configurationFile))
    }
}

/// The layers of a model that a low-rank adapter in training changes.
///
/// A layer computes y = W x + s · B (A x) with W as it is: the two parts are never put together.
package struct LowRankLayers: Sendable {
    /// What is added to one layer.
    struct Layer: Sendable {
        /// Rank × inputs.
        let a: Matrix
        /// Outputs × rank.
        let b: Matrix
        /// Where the gradient of `a` begins among those of all pairs; that of `b` follows.
        let offset: Int
    }

    let scaling: Float
    /// Elements of A and B of all pairs.
    package let count: Int
    private let layers: [ParameterRole: Layer]

    /// - Parameter adapter: its matrices are read in every pass.
    package init(_ adapter: LoRAAdapter) {
        scaling = adapter.scaling
        var offset = 0
        var layers: [ParameterRole: Layer] = [:]
        for pair in adapter.pairs {
            layers[pair.role] = Layer(a: pair.a, b: pair.b, offset: offset)
            offset += pair.a.rows * pair.a.columns + pair.b.rows * pair.b.columns
        }
        self.layers = layers
        count = offset
    }

    subscript(role: ParameterRole) -> Layer? { layers[role] }

    /// Views of the gradients of A and B of a pair among those of all.
    package func gradient(of role: ParameterRole, in gradients: FloatBuffer) -> (a: Matrix, b: Matrix)? {
        layers[role].map { layer in
            let (a, b) = layer.places(in: gradients)
            return (a.view, b.view)
        }
    }
}

extension LowRankLayers.Layer {
    func places(in gradients: FloatBuffer) -> (a: MutableMatrix, b: MutableMatrix) {
        (
            gradients.matrix(rows: a.rows, columns: a.columns, offset: offset),
            gradients.matrix(rows: b.rows, columns: b.columns, offset: offset + a.rows * a.columns)
        )
    }
}

extension TrainingPass {
    /// `y += s · (x · Aᵀ) · Bᵀ` where the adapter changes the layer: x is rows × inputs, y rows × outputs.
    func addLowRank(_ role: ParameterRole, _ x: Matrix, to y: MutableMatrix) {
        guard let adapter, let layer = adapter[role] else { return }
        let mark = arena.mark
        defer { arena.release(to: mark) }
        BLAS.multiply(
            inner(layer, x), layer.b, transposeB: true, into: y, scale: adapter.scaling, accumulate: true,
            threads: threads)
    }

    /// Adds the gradients of A and B to ``lowRankGradient``, and of the inputs to `dx`, where the adapter changes the layer.
    ///
    /// With h = x · Aᵀ and dh = s · dy · B: dB += s · dyᵀ · h, dA += dhᵀ · x, dx += dh · A. Each product is whole before it
    /// is added, so that sums of passes that were computed apart are the same. `rows` says which rows of the batch dy and
    /// x are, where they aren't all.
    func lowRankBackward(
        _ role: ParameterRole, _ dy: Matrix, _ x: Matrix, rows: [Int]?, to dx: MutableMatrix
    ) {
        guard let adapter, let layer = adapter[role], let lowRankGradient else { return }
        let mark = arena.mark
        defer { arena.release(to: mark) }
        let (dA, dB) = layer.places(in: lowRankGradient)
        let product = arena.matrix(dB.rows, dB.columns)
        BLAS.multiplyTransposed(
            dy, inner(layer, x), rows: rows, of: layout.rows, into: product, scale: adapter.scaling,
            accumulate: false, threads: threads)
        Kernels.add(product.view, to: dB)
        let dInner = arena.matrix(dy.rows, layer.a.rows)
        BLAS.multiply(dy, layer.b, into: dInner, scale: adapter.scaling, threads: threads)
        let other = arena.matrix(dA.rows, dA.columns)
        BLAS.multiplyTransposed(
            dInner.view, x, rows: rows, of: layout.rows, into: other, accumulate: false, threads: threads)
        Kernels.add(other.view, to: dA)
        BLAS.multiply(dInner.view, layer.a, into: dx, accumulate: true, threads: threads)
    }

    /// `x · Aᵀ`, rows × rank, in new memory of the arena.
    private func inner(_ layer: LowRankLayers.Layer, _ x: Matrix) -> Matrix {
        let result = arena.matrix(x.rows, layer.a.rows)
        BLAS.multiply(x, layer.a, transposeB: true, into: result, threads: threads)
        return result.view
    }
}
