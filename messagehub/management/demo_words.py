"""What the people of the demo are called, and what they say, label and write down."""

FIRST = (
    "Amelia Jonas Sofia Kwame Leila Chloé Ravi Marcus Hannah Omar Ingrid Mateo Yuki Nadia Felix Grace Viktor Zoe Idris "
    "Clara Arjun Freya Luca Mina Oscar Tara Emil Ruth Hugo Salma Dmitri Elena Noah Aisha Peter Lotte Bruno Wen Astrid Joao"
).split()
LAST = (
    "Hart Weber Marchetti Boateng Haddad Dubois Menon Bell Fischer Aziz Solberg Vega Tanaka Petrova Meyer Owens Novak "
    "Lambert Bello Brandt Kapoor Nilsen Ricci Park Lind Doyle Larsen Cohen Moreau Rahimi Ivanov Costa Reid Khan Ward"
).split()
# Each is a talk: lines of the customer begin with "<", ours with ">".
TALKS = {
    "northbeam": [
        "<Hi, is the walnut version of the Alder table back in stock?|>Hello! Two came in this morning. Shall I hold one "
        "for you?|<Yes please, until Saturday|>Done. It is held under your name until Saturday, 18:00.",
        "<My table arrived with a crack along one leg|>I'm so sorry about that. Could you send a photo of it?|<It runs from "
        "the joint to about halfway down|>Thank you. We can bring a replacement tomorrow and fit it for you. Would 9:00 to "
        "11:00 or 14:00 to 16:00 suit you better?|<14 to 16 please",
        "<When will order 48213 be delivered?|>It is on the van for Thursday. You get a text when the driver is 30 minutes "
        "away.|<Perfect, thanks",
        "<Do you deliver to the second floor?|>We do, two fitters carry it to the room of your choice.|<And take the old "
        "sofa away?|>For 40 pounds, yes. Shall I add it?",
        "<Could you resend the invoice with our VAT number?|>Of course. Which number should it show?|<GB 412 8890 21|>Sent "
        "to the address we have on file.",
        "<The fitter left a drawer unlocked, it slides open by itself|>That is a two-minute fix. I can send someone on "
        "Friday morning.|<Friday works",
        "<Hello|<Is anybody there?",
        "<Thanks, that's really helpful",
        ">Your fitter Callum is on the way and arrives between 13:20 and 13:50.|<We're home, bell is broken, please "
        "knock|>Noted, he will knock.",
        "<How do I oil the oak top?|>Thinly, along the grain, once every six months. The tin that came with it lasts for "
        "years.|<Great, didn't see the tin. Found it now",
        "<Wrong parcel, please call me back",
        "<Can I still change the fabric on my armchair? It was ordered yesterday|>You can until tomorrow noon. Which one "
        "would you like?|<Moss instead of sand|>Changed to moss. Same delivery date.",
    ],
    "harbour": [
        "<Hi, can I move my appointment on Tuesday?|>Sure. Wednesday at 9:40 or Thursday at 15:00?|<Wednesday 9:40|>Booked: "
        "Wednesday, 9:40, Dr. Lowe. See you then.",
        ">Your check-up is due. Would you like a time next week?|<Yes, mornings are best|>Monday 8:20 or Friday 10:00?",
        "<My crown feels loose|>Please don't chew on that side. We can see you today at 16:30.|<I'll be there",
        "<Does my insurance cover the cleaning?|>Yours covers two a year, and you have had one.|<Good to know, thank you",
        "<I got the bill twice|>You are right, the second one is cancelled. Sorry about that.|<No problem",
        "<Is there parking?|>Behind the building, the first hour is free.",
        "<Running ten minutes late|>Thanks for telling us. Your chair is waiting.",
        "<Can you send the X-ray to my new dentist in Albany?|>Yes, we need your written okay. I have just mailed you the "
        "form.",
        "<Numbness won't go away since this morning|>That can last up to five hours. If it is still there at 15:00, call us "
        "right away.|<It's gone now, thanks",
    ],
}


LABELS = {
    "northbeam": [("Damage", "ochre"), ("Delivery", "blue"), ("VIP", "magenta"), ("Invoice", "green")],
    "harbour": [("Urgent", "magenta"), ("Insurance", "blue"), ("New patient", "green")],
}
TEMPLATES = {
    "northbeam": [
        (
            "Delivery window",
            "Hi {{first_name|there}}, your delivery is planned for Thursday. The driver texts you half an hour before. {{agent}}, {{organization}}",
        ),
        (
            "Ask for a photo",
            "I'm sorry about that, {{first_name}}. Could you send us a photo of it? Then we know which part to bring. {{agent}}",
        ),
        ("Opening hours", "We are here Monday to Saturday, 9:00 to 18:00. Best wishes, {{agent}}"),
    ],
    "harbour": [
        (
            "Check-up due",
            "Hello {{first_name|there}}, your check-up is due. Would you like a time next week? {{organization}}",
        ),
        (
            "Appointment",
            "Your appointment is booked, {{first_name}}. If something comes up, just answer here. {{agent}}",
        ),
    ],
}
NOTES = [
    "@{admin} is it fine to offer next-day here?",
    "Called them, nobody answered. I try again tomorrow.",
    "Regular customer, always friendly.",
]
