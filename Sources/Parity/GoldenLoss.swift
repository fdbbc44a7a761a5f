internal import Documents
internal import Files
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

/// Losses, noise processes, gradients and optimiser steps recorded from upstream's training code.
struct GoldenLoss {
    let folder: ParityFolder
    let root: CaseNode
    let family: any ModelFamily.Type
    let tensors: SafetensorsFile
    let lossAbsolute: Double
    let lossRelative: Double

    init(_ folder: ParityFolder, _ family: any ModelFamily.Type, json: String, tensors: String) throws {
        self.folder = folder
        self.family = family
        root = try folder.cases(of: json)
        self.tensors = try SafetensorsFile(folder.path.appending(tensors))
        lossAbsolute = root.node["tolerance"]?["loss_abs"]?.double ?? 2e-5
        lossRelative = root.node["tolerance"]?["loss_rel"]?.double ?? 2e-5
    }

    func model(_ name: String) throws -> Transformer { try folder.model(name) }

    /// The model of a case; one that names none uses the model of the optimiser's steps.
    func modelName(_ node: CaseNode) throws -> String {
        for place in [node, root["adamw"]] {
            if let place, place["model"] != nil { return try place.string("model") }
        }
        return try node.string("model")
    }

    /// Rows of tokens that the model knows.
    func rows(_ key: String, of node: CaseNode, _ configuration: TransformerConfiguration) throws -> [[Int32]]
    {
        let rows = try node.rows(key)
        guard let wrong = rows.joined().first(where: { $0 < 0 || Int($0) >= configuration.vocabulary }) else {
            return rows
        }
        throw node.problem("\"\(key)\" holds the token \(wrong), which the model doesn't know")
    }

    /// Runs every case of a list; what keeps one from being run is its failure.
    func cases(_ key: String, _ run: (String, CaseNode) throws -> [CaseResult]) throws -> [CaseResult] {
        try root.identified(key).flatMap { id, node in
            do { return try run(id, node) } catch { return [CaseResult(id: id, failure: "\(error)")] }
        }
    }

    func values(_ name: String) throws -> [Float] {
        let entry = try tensors.entry(named: name)
        return try tensors.matrix(name, shape: entry.shape, rows: 1, columns: entry.count).elements
    }

    /// Norms of every gradient, and those gradients that are stored in full.
    func gradientFailure(
        _ gradient: FlatParameters, _ node: CaseNode, norms: String, prefix: String
    ) throws -> String? {
        let expected = try node.member(norms).get("an object") { $0.members }
        let total = expected.reduce(0) { $0 + pow2($1.value.double ?? 0) }.squareRoot()
        let indices = Dictionary(
            uniqueKeysWithValues: gradient.specifications.enumerated().map {
                (family.name(of: $1.specification.role), $0)
            })
        for member in expected {
            guard let index = indices[member.key] else { return "there is no gradient of \(member.key)" }
            let elements = gradient.elements(of: index)
            let norm = Kernels.sumOfSquares(UnsafeBufferPointer(elements)).squareRoot()
            let failure = Compare.number(
                "gradient norm of \(member.key)", norm, member.value.double ?? 0, absolute: 1e-5 * total,
                relative: 1e-3)
            if let failure { return failure }
            guard tensors.entries[prefix + member.key] != nil else { continue }
            let reference = try values(prefix + member.key)
            guard reference.count == elements.count else {
                return "gradient of \(member.key) has another size"
            }
            let difference = zip(elements, reference).reduce(0) { $0 + pow2(Double($1.0) - Double($1.1)) }
                .squareRoot()
            let allowed = 1e-3 * reference.reduce(0) { $0 + pow2(Double($1)) }.squareRoot() + 1e-5 * total
            if difference > allowed {
                return "gradient of \(member.key) differs by L2 \(difference), tolerance \(allowed)"
            }
        }
        return nil
    }
}

private func pow2(_ x: Double) -> Double { x * x }
