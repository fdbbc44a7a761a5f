import Files
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

@Suite struct LoRAAdapterTests {
    private let golden = Fixtures.path("golden/models")

    private func base() throws -> Transformer { try Checkpoint.load(golden.appending("llada_a")) }

    private func adapter() throws -> LoRAAdapter {
        try LoRAAdapter(golden.appending("llada_a_lora"), for: base().configuration, LLaDAFamily.self)
    }

    @Test("an adapter survives being written and read, bit for bit")
    func roundTrip() throws {
        let adapter = try adapter()
        let scratch = try ScratchFolder()
        try adapter.write(to: scratch.path, LLaDAFamily.self)
        let again = try LoRAAdapter(scratch.path, for: base().configuration, LLaDAFamily.self)
        #expect(again.rank == adapter.rank && again.alpha == adapter.alpha)
        #expect(again.pairs.map(\.role) == adapter.pairs.map(\.role))
        for (a, b) in zip(again.pairs, adapter.pairs) {
            #expect(a.a.elements == b.a.elements && a.b.elements == b.b.elements)
        }
    }

    @Test("PEFT went on from what was written here, and what it saved is read")
    func continued() throws {
        let folder = Fixtures.path("transformers/lora/continued")
        let c = TransformerConfiguration(
            layers: 2, width: 128, heads: 1, feedForwardWidth: 384, vocabulary: 3952)
        let ours = try LoRAAdapter(folder.appending("ours"), for: c, LLaDAFamily.self)
        #expect(ours.rank == 2 && ours.scaling == 2 && ours.pairs.count == 6)
        // What PEFT read is, byte for byte, what is written.
        let scratch = try ScratchFolder()
        try ours.write(to: scratch.path, LLaDAFamily.self)
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            let written = try FileSystem.read(scratch.path.appending(name))
            #expect(try written == FileSystem.read(folder.appending("ours").appending(name)), "\(name)")
        }
        let continued = try LoRAAdapter(folder.appending("peft"), for: c, LLaDAFamily.self)
        let gradients = try SafetensorsFile(folder.appending("gradients.safetensors"))
        #expect(continued.scaling == ours.scaling && continued.pairs.map(\.role) == ours.pairs.map(\.role))
        for (before, after) in zip(ours.pairs, continued.pairs) {
            let module = LoRAAdapter.module(of: before.role, LLaDAFamily.self)
            for (name, before, after) in [
                ("lora_A", before.a, after.a), ("lora_B", before.b, after.b),
            ] {
                let step = try gradients.matrix(
                    "\(module).\(name).weight", shape: [before.rows, before.columns], rows: before.rows,
                    columns: before.columns)
                let (old, change) = (before.elements, step.elements)
                for (i, value) in after.elements.enumerated() {
                    #expect(abs(value - (old[i] - 0.5 * change[i])) < 1e-6)
                }
            }
        }
    }

    @Test("merging adds scaling · B · A to the adapted weights and leaves the others alone")
    func merging() throws {
        let (model, adapter) = (try base(), try adapter())
        let merged = FlatParameters(copying: model)
        adapter.merge(into: merged)
        let pair = adapter.pairs[0]
        let weight = model.parameter(pair.role)
        for (row, column) in [(0, 0), (3, 7), (weight.rows - 1, weight.columns - 1)] {
            let change = (0..<adapter.rank).reduce(0) { $0 + pair.b[row, $1] * pair.a[$1, column] }
            let expected = weight[row, column] + adapter.scaling * change
            #expect(abs(merged.view(of: pair.role)[row, column] - expected) < 1e-5)
        }
        #expect(merged.view(of: .embedding).elements == model.parameter(.embedding).elements)
    }

    @Test("an adapter that fits nothing, or another shape, is an error that names the tensor")
    func mismatches() throws {
        let adapter = try adapter()
        var wider = try base().configuration
        wider.feedForwardWidth += 8
        #expect {
            _ = try LoRAAdapter(golden.appending("llada_a_lora"), for: wider, LLaDAFamily.self)
        } throws: {
            "\($0)".contains("up_proj.lora_B") && "\($0)".contains("expected shape")
        }
        #expect {
            _ = try LoRAAdapter(golden.appending("llada_a_lora"), for: base().configuration, DreamFamily.self)
        } throws: {
            "\($0)".contains("fits no weight")
        }
        let scratch = try ScratchFolder()
        try LoRAAdapter(rank: adapter.rank, alpha: adapter.alpha, pairs: []).write(
            to: scratch.path, LLaDAFamily.self)
        #expect {
            _ = try LoRAAdapter(scratch.path, for: base().configuration, LLaDAFamily.self)
        } throws: {
            "\($0)".contains("changes nothing")
        }
    }
}
