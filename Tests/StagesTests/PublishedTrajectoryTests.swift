import ArtifactStore
import Audit
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestModels
import TestSupport
import Testing

@testable import DecodingStages
@testable import ModelStages

/// One step number per position from a whole sequence per step.
@Suite struct PublishedTrajectoryTests {
    private let scratch: ScratchFolder
    private let tokens: ModelTokens
    private static let mask = 403

    init() throws {
        scratch = try ScratchFolder()
        let model = scratch.path.appending("model")
        try TinyCheckpoint.write("llada_a", to: model)
        tokens = try ModelTokens(model)
    }

    private func ids(_ ids: [Int]) -> JSONValue { .array(ids.map { .integer($0) }) }

    private func row(_ prompt: [Int], _ states: [[Int]], _ more: JSONObject = [:]) -> JSONObject {
        var row: JSONObject = [
            "idx": 17, "prompt_ids": ids(prompt), "trajectory": .array(states.map(ids)),
        ]
        for member in more.members { row[member.key] = member.value }
        return row
    }

    private func convert(
        _ row: JSONObject, _ options: PublishedTrajectory.Options = .init()
    ) throws -> PublishedTrajectory {
        try PublishedTrajectory(row, tokens, options)
    }

    private func problem(
        _ row: JSONObject, _ options: PublishedTrajectory.Options = .init()
    ) -> String? {
        do throws(ImpossibleTrajectory) {
            _ = try PublishedTrajectory(row, tokens, options)
            return nil
        } catch {
            #expect(error.row == "17")
            return error.description
        }
    }

    @Test("states that upstream's code recorded give the steps that it recorded")
    func golden() throws {
        let root = try JSONDocument(
            parsing: FileSystem.read(Fixtures.path("golden/trajectory.json")), name: "golden"
        ).root
        var checked = 0
        for item in root["cases"]?.array ?? [] {
            let item = JSONValue(item)
            guard let states = item["states"]?.array else { continue }
            let mask = try #require(item["mask_id"]?.int)
            func ours(_ value: JSONValue?) -> [Int] {
                (value?.array ?? []).compactMap(\.int).map { $0 == mask ? Self.mask : $0 }
            }
            let prompt = ours(item["prompt"])
            let block = try #require(item["params"]?["block_length"]?.int)
            let found = try convert(
                row(
                    prompt, states.map { prompt + ours($0) }, ["final_output": ids(ours(item["final"]))]),
                .init(blockLength: block))
            #expect(found.unmaskStep.map(Int.init) == ours(item["unmask_step"]))
            #expect(found.prompt + found.response == ours(item["final"]).map(Int32.init))
            #expect(found.states == item["n_states"]?.int)
            checked += 1
        }
        #expect(checked >= 6)
    }

    @Test("any order of decoding comes back", arguments: 0..<40)
    func orders(seed: Int) throws {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let prompt = (0..<draw(9)).map { _ in draw(400) }
        let length = 1 + draw(24)
        let last = draw(length)
        let response = (0..<length).map { _ in draw(400) }
        let steps = (0..<length).map { _ in draw(last + 1) }
        let states = (0...last).map { step in
            prompt + response.indices.map { steps[$0] <= step ? response[$0] : Self.mask }
        }
        let found = try convert(row(prompt, states))
        #expect(found.unmaskStep.map(Int.init) == steps)
        #expect(found.response.map(Int.init) == response)
    }

    @Test func aRowThatNoDecodingGivesIsNamedByPlace() throws {
        let m = Self.mask
        let cases: [(JSONObject, String)] = [
            (row([1], [[1, 5, m], [1, 6, 7]]), "position 1 changes in state 1 from 5 to 6"),
            (row([1], [[1, 5, m], [1, m, 7]]), "position 1 changes in state 1 from 5 to the mask"),
            (row([1], [[1, 5, m], [1, 5, m]]), "Position 2 is never decoded"),
            (
                row([1], [[1, 5, m], [1, 5]]),
                "State 1 of the trajectory has 2 tokens, and the states before it 3"
            ),
            (row([1, 2], [[1, 2]]), "State 0 of the trajectory has 2 tokens, and the prompt alone 2"),
            (
                row([1, 2], [[1, 3, 4]]),
                "State 0 of the trajectory has token 3 at position 1, and the prompt has 2"
            ),
            (row([1, m], [[1, m, 4]]), "prompt_ids has the mask token at position 1"),
            (row([1], []), "trajectory should be a list of sequences"),
            (row([1], [[1, 512]]), "at position 1 what is no token of the model"),
            (row([1], [[1, -1]]), "at position 1 what is no token of the model"),
            (row([1], [[1, 5]], ["final_output": ids([1, 6])]), "final_output isn't what the last state"),
            (["idx": 17, "trajectory": .array([])], "prompt_ids should be a list"),
            (
                row([1], [[1, 5]], ["trajectory": .array(["x"])]),
                "State 0 of the trajectory should be a list"
            ),
        ]
        for (row, words) in cases {
            let text = problem(row) ?? "nothing"
            #expect(text.contains(words), "\(text)")
        }
        let late = row([1], [[1, m, m, 7, m], [1, 5, 6, 7, 8]])
        #expect(problem(late) == nil)
        #expect(
            problem(late, .init(blockLength: 2))?.contains("Position 3 is decoded in state 0, before") == true
        )
    }

    @Test func lengthsAreCutAndARowWithoutRoomIsLeftOut() throws {
        let found = try convert(row([1, 2, 3], [[1, 2, 3, 4, 5, 6]]))
        func length(_ options: PublishedTrajectory.Options) -> Int? {
            found.record(number: 0, options)?.response.count
        }
        #expect(length(.init()) == 3)
        #expect(length(.init(maximumResponse: 2)) == 2)
        #expect(length(.init(maximumResponse: 2, maximumLength: 4)) == 1)
        #expect(length(.init(maximumLength: 3)) == nil)
        #expect(length(.init(maximumLength: 1)) == nil)
    }
}
