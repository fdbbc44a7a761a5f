import Recipes
import Slurm
import Stages
import Testing

@Suite struct LaunchPlanTests {
    static let text = #"""
        {"name": "k/l", "stages": {
          "p": {"kind": "synthesize", "train": 4, "test": 2, "matrix": {"seed": [1, 2, 3]}},
          "one": {"kind": "tokenizer", "corpus": "@p[seed=1]"},
          "each": {"kind": "tokenizer", "corpus": "@p[seed=2]", "matrix": {"corpus": ["@p[seed=1]", "@p[seed=2]"]}},
          "alone": {"kind": "synthesize", "train": 9, "test": 2}
        }}
        """#
    let experiment: Experiment

    init() throws {
        experiment = try Experiment.parse(Array(Self.text.utf8), name: "k.json", registry: Stages.registry)
    }

    private func fingerprint(_ id: String) throws -> String { try #require(experiment[id]).fingerprint }

    @Test func aStageIsAJobAndItsVariantsAreTasks() throws {
        let plan = LaunchPlan(experiment, done: [])
        #expect(plan.jobs.map(\.name) == ["p", "one", "each", "alone"])
        let p = plan.jobs[0]
        #expect(p.isArray && p.tasks.map(\.index) == [0, 1, 2] && p.tasks[2].stage == "p[seed=3]")
        #expect(p.needs == [] && plan.jobs[1].needs == ["p"] && !plan.jobs[1].isArray)
        #expect(plan.jobs[3].needs == [])
    }

    @Test func ofStagesWithOneRecipeOneIsHandedIn() throws {
        // "one" and the first variant of "each" are the same.
        let each = try #require(LaunchPlan(experiment, done: []).jobs.first { $0.name == "each" })
        #expect(each.tasks.map(\.index) == [1] && each.isArray && each.needs == ["p"])
    }

    @Test func whatIsDoneOrQueuedIsNotHandedInAndNumbersStay() throws {
        let done: Set = [try fingerprint("p[seed=1]"), try fingerprint("alone")]
        let queued = [try fingerprint("p[seed=2]"): "12_1"]
        let plan = LaunchPlan(experiment, done: done, queued: queued)
        #expect(plan.jobs.map(\.name) == ["p", "one", "each"])
        #expect(plan.jobs[0].tasks.map(\.index) == [2])
        #expect(plan.jobs[1].needs == [] && plan.jobs[1].needsQueued == [])
        #expect(plan.jobs[2].needs == [] && plan.jobs[2].needsQueued == ["12_1"])
    }

    @Test func longArraysAreCut() throws {
        let plan = LaunchPlan(experiment, done: [], limit: 2)
        #expect(plan.jobs.map(\.name) == ["p", "p.2", "one", "each", "alone"])
        #expect(plan.jobs[1].tasks.map(\.index) == [0] && plan.jobs[1].tasks[0].stage == "p[seed=3]")
    }

    @Test func nothingIsLeftWhereAllIsDone() {
        #expect(LaunchPlan(experiment, done: Set(experiment.stages.map(\.fingerprint))).isEmpty)
    }
}
