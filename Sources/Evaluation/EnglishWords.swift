internal import Base

/// The vocabulary of the stories.
enum EnglishWords {
    struct Person {
        let name: String
        let pronoun: String
    }

    /// What the things are, which decides what can be done with them and where.
    enum Kind: CaseIterable {
        case food, collected, made, plants, goods

        var things: [String] {
            switch self {
            case .food:
                words(
                    "apples oranges cookies cakes eggs pancakes sandwiches pies grapes cherries peaches pears lemons bananas nuts chips candies figs olives carrots potatoes tomatoes crackers almonds rolls"
                )
            case .collected:
                words(
                    "shells stamps coins marbles stickers cards feathers badges comics stones postcards rocks leaves acorns buttons keys magnets medals tickets dolls robots puzzles dice tokens bottles"
                )
            case .made:
                words(
                    "rings chains bows hats paintings drawings masks flags candles baskets bowls pots cups mirrors blankets toys boats puppets frames letters lanterns pillows signs posters bells"
                )
            case .plants:
                words(
                    "roses lilies flowers seeds bulbs trees bushes herbs pumpkins plants onions beans peppers cucumbers mushrooms berries palms shrubs sprouts ferns vines beets peas roots strawberries"
                )
            case .goods:
                words(
                    "pencils pens books notebooks clips crayons markers folders rulers balloons plates spoons towels shirts socks gloves blocks bricks nails screws batteries lamps ropes bags brushes"
                )
            }
        }

        var getting: [String] {
            switch self {
            case .food: ["bought", "baked", "picked up", "found"]
            case .collected: ["found", "bought", "won", "collected"]
            case .made: ["made", "finished", "bought", "found"]
            case .plants: ["planted", "bought", "picked", "found"]
            case .goods: ["bought", "found", "ordered", "borrowed"]
            }
        }

        var losing: [String] {
            switch self {
            case .food: ["ate", "dropped", "used", "threw away"]
            case .collected: ["lost", "traded", "gave away", "mailed"]
            case .made: ["broke", "lost", "gave away", "mailed"]
            case .plants: ["cut", "lost", "gave away", "used"]
            case .goods: ["lost", "used", "gave away", "returned"]
            }
        }

        var places: [String] {
            switch self {
            case .food: ["at the market", "at the bakery", "in the kitchen", "at the fair", "at the store"]
            case .collected: ["at the beach", "in the park", "at the fair", "in town", "at the museum"]
            case .made: ["in the workshop", "at school", "at the fair", "in town", "at the market"]
            case .plants:
                ["in the garden", "at the farm", "in the field", "at the market", "in the greenhouse"]
            case .goods: ["at the store", "at school", "online", "in town", "at the office"]
            }
        }

        private func words(_ list: String) -> [String] { list.byteText.words.map(\.text) }
    }

    static let people: [Person] =
        named(
            "she",
            "Anna Mary Emma Julia Sarah Laura Alice Grace Lily Sophie Olivia Mia Ella Joan Ellen Hannah Lucy Amy Jane Kate Linda Nancy Rose Ruth Sandra Susan Judy Vera Wendy Maria Clara Diana Eva Carol Helen Barbara Janet Karen Lisa Monica"
        )
        + named(
            "he",
            "Tom Ben David Frank James John Jack Sam Paul Peter Mark Luke Adam Alex Andrew Brian Carl Daniel Eric Fred George Henry Ian Jacob Kevin Leo Martin Nick Oscar Patrick Ray Robert Simon Steve Tim Victor Walter Max Noah Ryan"
        )

    private static func named(_ pronoun: String, _ names: String) -> [Person] {
        names.byteText.words.map { Person(name: $0.text, pronoun: pronoun) }
    }

    static let boxes = [
        "boxes", "bags", "packs", "baskets", "jars", "cans", "trays", "bins", "cases", "packages",
    ]
    static let stores = [
        "room", "bag", "basket", "garage", "drawer", "shop", "kitchen", "desk", "box", "car",
    ]
    static let times = [
        "On Monday", "On Tuesday", "On Wednesday", "On Thursday", "On Friday", "On Saturday", "On Sunday",
        "Yesterday",
        "Last week", "In the morning", "After lunch", "In the evening", "Last month", "In May", "In June",
        "In October",
    ]
    static let occasions = [
        "a party", "the school fair", "a class project", "the holidays", "a friend", "the neighbors",
        "the club", "a picnic",
        "the team", "an art class",
    ]
    static let groups = [
        "friends", "children", "students", "neighbors", "cousins", "teachers", "classmates", "players",
        "guests", "teams",
    ]

    static func relatives(of person: Person) -> [String] {
        let whose = person.pronoun == "he" ? "his" : "her"
        return [
            "mother", "father", "sister", "brother", "uncle", "aunt", "grandmother", "teacher", "neighbor",
            "cousin",
        ].map {
            "\(whose) \($0)"
        }
    }
}
