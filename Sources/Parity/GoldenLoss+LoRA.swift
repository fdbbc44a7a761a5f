internal import Documents
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

extension GoldenLoss {
    /// Logits and gradients of a model with a LoRA adapter.
    func lora() throws -> [CaseResult] {
        let node = try root.member("lora")
        let path = folder.path.appending(try node.string("adapter"))
        let base = try model(try modelName(node))
        let adapter = try LoRAAdapter(path, for: base.configuration, family)
        let matched = try node.elements("matched_modules").map { try $0.string() }
        let found = adapter.pairs.map { "base_model.model." + family.name(of: $0.role).dropLast(7) }
        var results = [
            CaseResult(
                id: "lora/modules",
                failure: Set(found) == Set(matched)
                    ? nil : "the adapter changes \(found.sorted()), upstream's \(matched.sorted())")
        ]

        let merged = FlatParameters(copying: base)
        let tolerance = root.node["tolerance"]?["lora_logits_abs"]?.double ?? 2e-4
        results.append(CaseResult(id: "lora/base", failure: try logits(base, "lora.logits_base", tolerance)))
        adapter.merge(into: merged)
        let model = try Transformer(over: merged)
        results.append(CaseResult(id: "lora/merged", failure: try logits(model, "lora.logits", tolerance)))

        let recorded = try node.member("case")
        let batch = try recordedBatch(recorded, merged.configuration)
        let gradient = try AdapterGradient(base, adapter, threads: 1)
        let report = gradient.compute(batch)
        let failure =
            try lossFailure(report, try recorded.member("loss"))
            ?? loraGradientFailure(
                adapter, gradient.gradients, try recorded.member("grad_norms"), prefix: "lora.grad.")
            ?? mergedFormFailure(adapter, gradient.gradients, merged, batch)
        results.append(CaseResult(id: "lora/gradients", failure: failure))
        return results
    }

    private func logits(_ model: Transformer, _ name: String, _ tolerance: Double) throws -> String? {
        let shape = try tensors.entry(named: "lora.input_ids").shape
        let ids = try tensors.integers("lora.input_ids").map { Int32(exactly: $0) ?? -1 }
        guard let length = shape.last, length > 0,
            ids.allSatisfy({ $0 >= 0 && $0 < model.configuration.vocabulary })
        else { throw ParityError("lora.input_ids doesn't hold rows of tokens that the model knows.") }
        let inputs = stride(from: 0, to: ids.count, by: length).map {
            ForwardInput(tokens: Array(ids[$0..<$0 + length]))
        }
        let found = model.logits(inputs, Workspace()).elements
        return Compare.elements(name, found, try values(name), tolerance: tolerance)
    }

    /// Whether the gradients of A and B are, to 1e-4 of the largest of their matrix, those that follow from the gradient of
    /// weights with the adapter in them.
    func mergedFormFailure(
        _ adapter: LoRAAdapter, _ gradients: [(a: Matrix, b: Matrix)], _ merged: FlatParameters,
        _ batch: LossBatch
    ) throws -> String? {
        let whole = try BatchGradient(merged, threads: 1)
        _ = whole.compute(batch)
        for (pair, (found, expected)) in zip(
            adapter.pairs, zip(gradients, adapter.gradients(from: whole.gradient)))
        {
            for (half, found, expected) in [("A", found.a, expected.a), ("B", found.b, expected.b)] {
                let reference = expected.elements
                let scale = Double(reference.map(abs).max() ?? 0)
                let failure = Compare.elements(
                    "gradient of \(half) of \(family.name(of: pair.role)), apart and merged", found.elements,
                    reference, tolerance: 1e-4 * scale)
                if let failure { return failure }
            }
        }
        return nil
    }

    /// Norms of the gradients of A and B, and those gradients that are stored in full under `prefix`.
    func loraGradientFailure(
        _ adapter: LoRAAdapter, _ gradients: [(a: Matrix, b: Matrix)], _ norms: CaseNode, prefix: String
    ) throws -> String? {
        let total = (norms.node.members ?? []).reduce(0) {
            $0 + ($1.value.double ?? 0) * ($1.value.double ?? 0)
        }
        .squareRoot()
        for (pair, gradient) in zip(adapter.pairs, gradients) {
            let module = "base_model.model." + family.name(of: pair.role).dropLast(7)
            for (half, matrix) in [("lora_A", gradient.a), ("lora_B", gradient.b)] {
                let name = "\(module).\(half).default.weight"
                let elements = matrix.elements
                let norm = elements.withUnsafeBufferPointer { Kernels.sumOfSquares($0) }.squareRoot()
                let failure = Compare.number(
                    "gradient norm of \(name)", norm, try norms.number(name), absolute: 1e-5 * total,
                    relative: 1e-3)
                if let failure { return failure }
                guard tensors.entries[prefix + name] != nil else { continue }
                let reference = try values(prefix + name)
                let scale = Double(reference.map(abs).max() ?? 0)
                let difference = Compare.elements(
                    "gradient of \(name)", elements, reference, tolerance: 1e-3 * scale + 1e-5 * total)
                if let difference { return difference }
            }
        }
        return nil
    }
}
