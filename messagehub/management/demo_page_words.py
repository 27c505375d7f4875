"""The demo's pages, who writes to them, and what they say there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoPage:
    """A page of one of the demo's organizations, and its Instagram account if it has one."""

    slug: str
    page_id: str
    name: str
    token: str
    has_human_agent: bool
    instagram_account_id: str | None = None
    instagram_username: str = ""


PAGES = [
    DemoPage(
        "northbeam",
        "104850736201117",
        "Northbeam Furniture",
        "EAADemo7d1f0c5b2e9a4836northbeam",
        has_human_agent=True,
        instagram_account_id="17841406382950117",
        instagram_username="northbeam.furniture",
    ),
    DemoPage("harbour", "104850736202228", "Harbour Dental", "EAADemo3a8e6d4c1b7f5920harbour", has_human_agent=False),
]

# By slug and platform: (first name, last name, username, minutes since the last line, lines). Customers' lines begin
# with "<", ours with ">", those typed in Meta's own inbox with "=". "[sticker]" and the like come before a text; "^"
# answers the line of the other side before it; "+" reacts to the line before it; "@" is a pause; "-" was unsent.
TALKS = {
    ("northbeam", "MESSENGER"): [
        (
            "Beatriz", "Almeida", "", 22,
            "<Hello, I saw the Alder table on your page. Do you have it in oak?|>Hello Beatriz! We do, 180 and 220 cm "
            "long.|<^The 220 one. What is the delivery time to Bristol?|>About nine days. Shall I reserve "
            "one?|@3h|<Yes please!|<[sticker]",
        ),
        (
            "Gareth", "Pugh", "", 47,
            "<[picture]My new chair came like this|<Is this meant to move?",
        ),
        (
            "Siobhan", "Kelly", "", 190,
            "<Do you do trade discounts?|>We do, from five pieces. What do you need?|<Eight Fern chairs for a "
            "café|>Then it is 12 % off. I can send the offer today.|<That would be great, siobhan@example.com|>It is "
            "on its way.|+👍",
        ),
        (
            "Dominik", "Zając", "", 1240,
            "<Is the shop open on Sunday?|=Hi Dominik, sorry, we are closed on Sundays. Monday from 9:00!|<Ok, Monday "
            "then",
        ),
        (
            "Hana", "Kovář", "", 2950,
            "<Can you match a colour from a photo?|>Usually yes. Send it over and we try.|<[picture]|>That is close to "
            "our Moss. I put a swatch in the post.|+❤️|@4d|<The swatch came, it is perfect. Can I order the armchair "
            "with it?|>Of course. It is ready in three weeks.|<Thank you so much",
        ),
        (
            "Ewan", "McCallum", "", 7300,
            "<[voice]|>Thanks for the message, Ewan. The drawer runners are free of charge, I send you "
            "two.|<Brilliant, cheers",
        ),
        (
            "Leila", "Farahani", "", 15800,
            "<Hi, where can I see the sofa in person?|>In our showroom, Mill Street 4. It stands right by the "
            "door.|@2d|<We were there, lovely people. We take it in sand.|>Wonderful. I prepared the order, it is "
            "1,240 pounds.|<Paid just now|>Received. Delivery is on the 14th.",
        ),
        (
            "Pieter", "de Vries", "", 26200,
            "<Do you ship to the Netherlands?|>We do, once a month. The next lorry leaves on the 3rd.|<Good, I will "
            "think about it",
        ),
    ],
    ("northbeam", "INSTAGRAM"): [
        (
            "Mia", "Torres", "mia.makes.rooms", 31,
            "<[story]That shelf!! Is it for sale already?|>From Friday on, Mia. You saw it first.|+❤️|<^Put me on the "
            "list please",
        ),
        (
            "", "", "the_walnut_flat", 410,
            "<[mention]|>Thank you for the mention, your flat looks wonderful!|+🔥|<Do you also have it with a darker "
            "leg?",
        ),
        (
            "Owen", "Hughes", "owen.hughes.joinery", 1630,
            "-|<Sorry, wrong chat. Do you sell offcuts of oak?|>We give them away on Fridays, first come first "
            "served.|<Best news of the week",
        ),
        (
            "Camille", "Roux", "camille.rx", 5900,
            "<[share]Could you build something like this?|>We could, in oak or walnut. What width do you need?|<140 "
            "cm|>Then it is about 680 pounds. Shall I draw it for you?|@1d|<Yes!|>Here is how it could look: the feet "
            "are 8 cm higher, so a robot vacuum fits below.|+😍",
        ),
        (
            "Anders", "Lund", "anderslund", 14400,
            "<[oldstory]Where is that lamp from?|>It is from a friend in Malmö, we tag her in the next one.|<Thanks!",
        ),
        (
            "Zara", "Iqbal", "zara.at.home", 23100,
            "<What size is the round table in your last reel?|>110 cm, and it extends to 150.|<Perfect for us, thank "
            "you",
        ),
    ],
    ("harbour", "MESSENGER"): [
        (
            "Grace", "Whitfield", "", 35,
            "<Good morning, do you take new patients?|>Good morning Grace, we do. Is it for a check-up?|<Yes, and for "
            "my son, he is seven|>Thursday 15:20 and 15:50, one after the other?|<^That works|<What should we bring?",
        ),
        (
            "Tomasz", "Wolski", "", 260,
            "<[picture]A piece of my filling came off|>Thank you for the photo. Does it hurt?|<Only with cold "
            "drinks|>Then tomorrow 8:40 is early enough. Please avoid cold drinks until then.|+👍",
        ),
        (
            "Renee", "Baptiste", "", 1500,
            "<Can I pay by instalments?|=Yes, in three or six parts without interest.|<Six please",
        ),
        (
            "Ahmed", "Salim", "", 6200,
            "<My daughter is nervous about Monday. Any advice?|>Come ten minutes early and she can look at everything "
            "first. Dr. Lowe explains each step.|<[sticker]|@3d|<It went so well, thank you all!|>She was the bravest "
            "patient of the week.",
        ),
        (
            "Ivana", "Marković", "", 18900,
            "<Which toothbrush did the hygienist recommend?|>A soft one, medium head. We keep some at the front "
            "desk.|<I come by tomorrow",
        ),
    ],
}  # fmt: skip
