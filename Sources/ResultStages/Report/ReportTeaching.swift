internal import ArtifactStore
internal import Audit
internal import DecodingStages
internal import JSON
internal import Reporting
internal import Runs
internal import StageBasics
internal import Training
internal import TrainingStages

/// How a student is taught: the order in which the teacher decoded some answers, and what of them is masked at each step of
/// the training, by the recipe and its seed.
struct ReportTeaching {
    /// Answers and steps of training that are shown.
    private static let answerLimit = 3
    private static let stepLimit = 60

    private let stage: String
    private let steps: Int
    private let answers: [(record: TrajectoryRecord, lessons: [Lesson])]
    private let words: EvaluateStage.TraceWords

    /// Nil where the run has no student that learns from trajectories, or no tokenizer to show them with.
    init?(_ source: ReportSource, words: EvaluateStage.TraceWords?) {
        guard let words else { return nil }
        for item in source.items(.model) {
            guard let stage = source.contents.implementation(of: item) as? DistillStage,
                let recipe = stage.recipe as? D3LLMRecipe, recipe.mask == .trajectory,
                let record = item.artifact?.record,
                let reference = record.recipe["inputs"]?["trajectories"]?.string,
                let folder = source.contents[String(reference.prefix(64))]?.artifact?.folder
            else { continue }
            var found: [TrajectoryRecord] = []
            // A journal that is damaged is named where its samples would be; here there is just nothing to see.
            try? Journal.forEach(TrajectoriesStage.journal(of: folder)) { line in
                if found.count < Self.answerLimit, let answer = TrajectoryRecord(line.value), answer.isUsed {
                    found.append(answer)
                }
            }
            guard !found.isEmpty, stage.steps > 0 else { continue }
            let count = min(stage.steps, Self.stepLimit)
            let shown = (0..<count).map { count > 1 ? $0 * (stage.steps - 1) / (count - 1) : 0 }
            let seed = UInt64(max(0, record.recipe["seed"]?.int ?? 0))
            self.stage = item.entry.stage
            steps = stage.steps
            self.words = words
            answers = found.map { answer in
                (
                    answer,
                    recipe.lessons(of: answer, end: words.end, at: shown, of: stage.steps, seed: seed)
                )
            }
            return
        }
        return nil
    }

    /// As the page's script reads it.
    ///
    /// A lesson is [step, length of windows, ratio in thousandths, start of the window, a digit per position of it].
    var value: JSONValue {
        [
            "steps": .integer(steps),
            "answers": .array(
                answers.map { answer, lessons in
                    let end = words.end.flatMap { answer.response.firstIndex(of: $0) }
                    let length = end.map { $0 + 1 } ?? answer.response.count
                    return [
                        "id": .string(answer.id),
                        "tokens": .array(
                            answer.response.prefix(length).map {
                                .string($0 == words.end ? "end" : words.text($0))
                            }),
                        "order": .array(answer.unmaskStep.prefix(length).map { .integer(Int($0)) }),
                        "lessons": .array(
                            lessons.map { lesson in
                                .array([
                                    .integer(lesson.step), .integer(lesson.windowLength),
                                    .integer(Int((lesson.ratio * 1000).rounded())),
                                    .integer(lesson.window.lowerBound),
                                    .string(lesson.masked.map { $0 ? "1" : "0" }.joined()),
                                ])
                            }),
                    ]
                }),
        ]
    }

    var section: ReportSection {
        ReportSection("teaching", "How the student is taught") {
            HTML.paragraph(
                "The teacher decodes its own answers, one token per forward, the most certain first: a pseudo-trajectory. The student learns from such an answer a window at a time: what is before the window is given, what is behind it is masked, and in it those tokens are masked that the teacher decoded last. Over the training windows grow and more of them is masked."
            )
            HTML.paragraph(
                "Answers are the first of the trajectories; what is masked is computed from the recipe and the seed of \(stage), as the training does for the first answer of each batch."
            )
            HTML.element(.noscript) { HTML.paragraph("To see it, allow the page's own scripts.") }
            HTML.element(.div, .id("teaching-panel"), .hidden) {
                HTML.element(.div, .class("controls"), .role("group"), .aria("label", "Answer")) {
                    HTML.element(.label) {
                        HTML.text("Answer")
                        HTML.element(.select, .id("teaching-answer"))
                    }
                }
                HTML.element(.h3, text: "What the teacher did")
                slider("forward", "After forward")
                HTML.element(
                    .div, .class("tokens"), .id("teaching-teacher"), .role("group"),
                    .aria("label", "The teacher's answer"))
                HTML.element(.h3, text: "What the student is shown")
                slider("step", "Step of the training")
                HTML.element(
                    .div, .class("tokens"), .id("teaching-student"), .role("group"),
                    .aria("label", "The answer with its window"))
                HTML.element(
                    .ul, [.class("legend"), .aria("label", "Colours of the window")],
                    [
                        ("completed", "given"), ("fully", "masked in the window: what is learnt"),
                        ("inactive", "masked behind it"),
                    ].map { style, meaning in
                        .element(.li) {
                            HTML.element(.span, .class(style), .aria("hidden", "true"))
                            HTML.text(" \(meaning)")
                        }
                    })
            }
        }
    }

    private func slider(_ name: String, _ label: String) -> HTML {
        .element(.div, .class("controls")) {
            HTML.element(.label, .for("teaching-\(name)"), text: label)
            HTML.element(
                .input, .id("teaching-\(name)"), .type("range"), .bound(.min, 0), .bound(.max, 1),
                .bound(.step, 1), .value("0"))
            HTML.element(.output, .id("teaching-\(name)-at"), .for("teaching-\(name)"))
        }
    }
}
